import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { closePool, type PoolRequest, withPool } from '../../../../src/core/blocks/with-pool.ts';
import type { Context } from '../../../../src/core/context.ts';
import type { WorkerPool } from '../../../../src/engine/pool/worker-pool.ts';
import type { SharedSource } from '../../../../src/io/shared.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { BLOCK_SIZE, CoreLab } from '../../../support/labs/core-lab.ts';

const LIMITS = { simultaneousReads: 1, simultaneousWrites: 1 };

let lab: CoreLab;
beforeEach(async () => {
  lab = await CoreLab.create();
});
afterEach(async () => {
  vi.useRealTimers();
  await lab.dispose();
});

/** Threads of test/support/engine/pool-worker.mjs, which take the URL for their behaviour. */
function requestFor(url: string): PoolRequest {
  const source: SharedSource = {
    sizeBytes: 4 * BLOCK_SIZE,
    spec: { url, limits: LIMITS },
    verify: async () => {},
    hasChanged: () => false,
    close: async () => {},
  };
  return {
    geometry: { blockSize: BLOCK_SIZE, sizeBytes: source.sizeBytes },
    source,
    workerProgram: new URL('../../../support/engine/pool-worker.mjs', import.meta.url),
  };
}

describe('withPool', () => {
  it('gives what its body gives, and leaves no thread behind', async () => {
    let pool: WorkerPool | undefined;
    const result = await withPool(lab.context, requestFor('working://'), async (given) => {
      pool = given;
      await pool.ready();
      await pool.flush();
      return 42;
    });
    expect(result).toBe(42);
    await expect(pool?.flush()).rejects.toThrow('A block worker is gone');
  });

  it('leaves no thread behind when its body fails', async () => {
    let pool: WorkerPool | undefined;
    const failing = withPool(lab.context, requestFor('working://'), async (given) => {
      pool = given;
      throw new Error('no more');
    });
    await expect(failing).rejects.toThrow('no more');
    await expect(pool?.flush()).rejects.toThrow('A block worker is gone');
  });

  it('says what it waits for when no block moves', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'performance'] });
    const warnings: string[] = [];
    const aborter = new AbortController();
    const context: Context = {
      ...lab.context,
      signal: aborter.signal,
      logger: { ...silentLogger, warning: (text) => warnings.push(text) },
    };
    await withPool(context, requestFor('silent://'), async (pool) => {
      await pool.ready();
      let given = 0;
      const running = pool.run({
        next: () => (given++ === 0 ? { kind: 'read', first: 0, count: 1 } : undefined),
        answered: () => {},
      });
      await vi.waitFor(() => expect(given).toBeGreaterThan(0));
      vi.advanceTimersByTime(35_000);
      aborter.abort();
      await running;
    });
    expect(warnings).toEqual([
      expect.stringMatching(/^No block has moved for 3\d s: waiting for silent:\/\/ or the data backend\.$/),
    ]);
  });
});

describe('a pool for a few blocks', () => {
  /** A program that no thread can load: what runs all the same runs on this thread. */
  const NO_PROGRAM = new URL('file:///nowhere/block-worker.mjs');
  const digestsOf = async ({ blocks, workers }: { blocks: number; workers?: number }) => {
    const context = { ...lab.context, settings: { ...lab.context.settings, workers } };
    const request = { ...requestFor('null://1GB'), blocks, workerProgram: NO_PROGRAM };
    const digests: (string | null)[] = [];
    await withPool(context, request, async (pool) => {
      await pool.ready();
      let given = 0;
      await pool.run({
        next: () => (given++ === 0 ? { kind: 'read', first: 0, count: 1 } : undefined),
        answered: (answer) => {
          if (answer.kind !== 'digested') return;
          digests.push(...answer.digests);
          pool.decide(answer.job, [null]);
        },
      });
    });
    return digests;
  };

  it('works on the calling thread', async () => {
    expect(await digestsOf({ blocks: 4 })).toEqual([expect.stringMatching(/^[0-9a-f]{128}$/)]);
  });

  it.each([
    ['the blocks are many', { blocks: 1_000_000 }],
    ['the configuration says how many', { blocks: 4, workers: 1 }],
  ])('has threads when %s', async (_, how) => {
    await expect(digestsOf(how)).rejects.toThrow(/block-worker\.mjs/);
  });
});

describe('closePool', () => {
  it.each([
    ['reports threads that hang', true, 1],
    ['reports nothing when all threads have ended', false, 0],
  ])('%s', async (_, hasStuckThreads, expected) => {
    const onStuckThreads = vi.fn();
    await closePool({ onStuckThreads }, { close: async () => {}, hasStuckThreads });
    expect(onStuckThreads).toHaveBeenCalledTimes(expected);
  });
});
