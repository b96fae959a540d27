import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobAnswer, Operation } from '../../../../src/engine/pool/operation.ts';
import { WorkerPool } from '../../../../src/engine/pool/worker-pool.ts';
import type { Job } from '../../../../src/engine/shared/messages.ts';

const WORKER_FAILURE = { code: 'worker', exitCode: 100 };
const BLOCKS = 1000;

let pool: WorkerPool;
let threads: Worker[];
let aborter: AbortController;
const note = (thread: Worker) => {
  threads.push(thread);
};
beforeEach(() => {
  threads = [];
  aborter = new AbortController();
  process.on('worker', note);
});
afterEach(async () => {
  await pool.close();
  process.off('worker', note);
  expect(pool.hasStuckThreads).toBe(false);
});

/** Two threads of test/support/engine/pool-worker.mjs; `behaviour`: see there. */
async function start(behaviour: 'working' | 'silent' | 'failing' | 'broken'): Promise<void> {
  const limits = { simultaneousReads: 1, simultaneousWrites: 1 };
  pool = new WorkerPool(
    {
      workers: 2,
      blockSize: 1024 * 1024,
      sizeBytes: BLOCKS * 1024 * 1024,
      hashFunction: 'sha512',
      encryption: { version: 0, key: undefined, compressionLevel: 1 },
      data: { ...limits, bandwidthRead: 0, bandwidthWrite: 0, backend: { type: 'null' } },
      source: { url: `${behaviour}://`, limits },
      workerProgram: new URL('../../../support/engine/pool-worker.mjs', import.meta.url),
      onRetry: () => {},
    },
    aborter.signal,
  );
  await pool.ready();
}

/** Reads and stores blocks; `onAnswer` gets each answer. */
class Reading implements Operation {
  stored = 0;
  #next = 0;
  readonly #onAnswer: (answer: JobAnswer) => void | Promise<void>;

  constructor(onAnswer: (answer: JobAnswer) => void | Promise<void> = () => {}) {
    this.#onAnswer = onAnswer;
  }

  next(): Job | undefined {
    return this.#next < BLOCKS ? { kind: 'read', first: this.#next++, count: 1 } : undefined;
  }

  async answered(answer: JobAnswer): Promise<void> {
    await this.#onAnswer(answer);
    if (answer.kind === 'digested') pool.decide(answer.job, [{ action: 'store' }]);
    if (answer.kind === 'stored') this.stored += answer.blocks.length;
  }
}

/** Ends a thread as a lack of memory would, and waits for its end. */
async function end(thread: Worker | undefined): Promise<void> {
  await thread?.terminate();
}

/** One job, whose answer fails while the pool waits for the next one: no event comes after that. */
class FailingBetweenJobs implements Operation {
  #count = 0;
  #failed = (): void => {};
  readonly #failing = new Promise<void>((resolve) => {
    this.#failed = resolve;
  });

  async next(): Promise<Job | undefined> {
    if (this.#count++ === 0) return { kind: 'read', first: 0, count: 1 };
    await this.#failing;
    await nextTurn();
    return undefined;
  }

  answered(): void {
    this.#failed();
    throw new Error('the answer is wrong');
  }
}

describe('a pool whose threads work', () => {
  it('ends with a failure that comes while it waits for a job, though jobs stay undecided', async () => {
    await start('working');
    await expect(pool.run(new FailingBetweenJobs())).rejects.toThrow('the answer is wrong');
  });

  it('does every job once, and again for another operation, and flushes', async () => {
    await start('working');
    for (const operation of [new Reading(), new Reading()]) {
      await pool.run(operation);
      expect(operation.stored).toBe(BLOCKS);
    }
    await pool.flush();
  });

  it('ends with the failure of an answer that could not be handled', async () => {
    await start('working');
    const operation = new Reading((answer) => {
      if (answer.kind === 'stored') throw new Error('the database is gone');
    });
    await expect(pool.run(operation)).rejects.toThrow('the database is gone');
  });

  it('starts nothing more once it is stopped, and that is no failure of its own', async () => {
    await start('working');
    const operation = new Reading(() => aborter.abort());
    await pool.run(operation);
    expect(operation.stored).toBeLessThan(BLOCKS);
  });
});

describe('a thread that is ended from outside', () => {
  it('while it has jobs: the operation fails', async () => {
    await start('working');
    let answers = 0;
    const operation = new Reading(async () => {
      if (++answers === 10) await end(threads[0]);
    });
    await expect(pool.run(operation)).rejects.toMatchObject(WORKER_FAILURE);
  });

  it('while nothing runs: the next operation fails, and so does every flush', async () => {
    await start('working');
    await end(threads[1]);
    await expect(pool.flush()).rejects.toMatchObject(WORKER_FAILURE);
    await expect(pool.run(new Reading())).rejects.toMatchObject(WORKER_FAILURE);
    await expect(pool.flush()).rejects.toMatchObject(WORKER_FAILURE);
  });

  it('while a flush waits for it: the flush fails', async () => {
    await start('silent');
    const flush = pool.flush();
    await end(threads[0]);
    await expect(flush).rejects.toMatchObject(WORKER_FAILURE);
  });

  it('before it is up: nobody waits for it, and the operation fails', async () => {
    await start('broken');
    await expect(pool.run(new Reading())).rejects.toMatchObject({
      ...WORKER_FAILURE,
      message: expect.stringContaining('broken'),
    });
  });
});

it('a flush that fails in one thread of two fails', async () => {
  await start('failing');
  await expect(pool.flush()).rejects.toMatchObject({ code: 'dataBackend', message: 'no fsync' });
});
