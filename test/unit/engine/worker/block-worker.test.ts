import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { blobPath } from '../../../../src/data/file/blob-paths.ts';
import { FileBackend } from '../../../../src/data/file/file-backend.ts';
import type { JobAnswer, Operation } from '../../../../src/engine/pool/operation.ts';
import { type PoolOptions, planSlots, workerSetups } from '../../../../src/engine/pool/pool-options.ts';
import { WorkerPool } from '../../../../src/engine/pool/worker-pool.ts';
import type { FromWorker, Job } from '../../../../src/engine/shared/messages.ts';
import { BlockWorker } from '../../../../src/engine/worker/block-worker.ts';
import { isAligned } from '../../../../src/native/direct-io.ts';
import { BLOCK_SIZE, CoreLab } from '../../../support/labs/core-lab.ts';
import { FakeS3 } from '../../../support/servers/fake-s3.ts';

/**
 * The worker as it is built: Node 20 starts no thread from TypeScript. `npm test` builds before
 * tests run.
 */
const BUILT = new URL('../../../../dist/block-worker.cjs', import.meta.url);
const BLOCKS = 12;

let lab: CoreLab;
let image: Buffer;
let source: { url: string; limits: { simultaneousReads: number; simultaneousWrites: number } };
let pool: WorkerPool;
let aborter: AbortController;
let threads: number;
const note = () => {
  threads++;
};
beforeEach(async () => {
  expect(existsSync(BUILT), 'npm run build makes dist/').toBe(true);
  lab = await CoreLab.create();
  image = randomBytes(BLOCKS * BLOCK_SIZE);
  aborter = new AbortController();
  source = { url: lab.source(image), limits: lab.context.io.file };
  threads = 0;
  process.on('worker', note);
});
afterEach(async () => {
  await pool.close();
  process.off('worker', note);
  expect(pool.hasStuckThreads).toBe(false);
  await lab.dispose();
});

function start(options: Partial<PoolOptions>): void {
  pool = new WorkerPool(
    {
      ...{ workers: 2, blockSize: BLOCK_SIZE, sizeBytes: image.length, hashFunction: 'sha512', data: lab.data, source },
      ...{ encryption: lab.context.settings.encryption, onRetry: () => {}, workerProgram: BUILT },
      ...options,
    },
    aborter.signal,
  );
}

/** Reads and stores the image, one block a job. */
class Storing implements Operation {
  readonly digests = new Map<number, string | null>();
  readonly uids = new Map<number, string>();
  #next = 0;

  next(): Job | undefined {
    return this.#next < BLOCKS ? { kind: 'read', first: this.#next++, count: 1 } : undefined;
  }

  answered(answer: JobAnswer): void {
    if (answer.kind === 'digested') {
      this.digests.set(answer.first, answer.digests[0] ?? null);
      pool.decide(answer.job, [{ action: 'store' }]);
    }
    if (answer.kind === 'stored') for (const { id, uid } of answer.blocks) this.uids.set(id, uid);
  }
}

/** Fewer than the lanes of any processor, and more than one store has. */
const VERIFIED = 3;

/** Reads blocks again. Each is decided to be in its blob, which is known from an import alone. */
class Verifying implements Operation {
  readonly #stored: Storing;
  readonly #digested: { job: number; first: number }[] = [];
  readonly #reused = new Map<number, string>();
  #next = 0;

  constructor(stored: Storing) {
    this.#stored = stored;
  }

  get reused(): string[] {
    return Array.from({ length: VERIFIED }, (_, id) => this.#reused.get(id) ?? '');
  }

  next(): Job | undefined {
    return this.#next < VERIFIED ? { kind: 'read', first: this.#next++, count: 1 } : undefined;
  }

  answered(answer: JobAnswer): void {
    if (answer.kind === 'digested') this.#digested.push(answer);
    if (answer.kind === 'digested' && this.#digested.length === VERIFIED) for (const read of this.#digested) this.#decide(read);
    if (answer.kind === 'stored') for (const { id, uid } of answer.blocks) this.#reused.set(id, uid);
  }

  #decide({ job, first }: { job: number; first: number }): void {
    const { uids, digests } = this.#stored;
    const content = { checksum: digests.get(first) ?? null, encVersion: 0, envKey: null, nonce: null };
    pool.decide(job, [{ action: 'reuse', uid: uids.get(first) ?? '', verify: content }]);
  }
}

const blockOf = (id: number) => image.subarray(id * BLOCK_SIZE, (id + 1) * BLOCK_SIZE);

describe.each([
  { where: 'in threads', inline: false },
  { where: 'on the calling thread', inline: true },
])('block workers $where', ({ inline }) => {
  beforeEach(() => start({ inline }));

  it('are as many threads as were asked for, or none', async () => {
    await pool.ready();
    expect(threads).toBe(inline ? 0 : 2);
  });

  it('store what they read, and tell its checksums', async () => {
    const storing = new Storing();
    await pool.run(storing);
    await pool.flush();
    for (let id = 0; id < BLOCKS; id++) {
      expect(storing.digests.get(id)).toBe(createHash('sha512').update(blockOf(id)).digest('hex'));
      expect(readFileSync(blobPath(lab.dataPath, storing.uids.get(id) ?? ''))).toEqual(blockOf(id));
    }
  });

  it('verify blobs of an import, several at once', async () => {
    const storing = new Storing();
    await pool.run(storing);
    const verifying = new Verifying(storing);
    await pool.run(verifying);
    expect(verifying.reused).toEqual(Array.from({ length: VERIFIED }, (_, id) => storing.uids.get(id)));
  });

  it('flush the backend: a folder of blobs that is gone is noticed', async () => {
    const storing = new Storing();
    await pool.run(storing);
    const [uid = ''] = storing.uids.values();
    rmSync(join(lab.dataPath, uid.slice(0, 2)), { recursive: true });
    await expect(pool.flush()).rejects.toMatchObject({ code: 'dataBackend' });
  });

  it('fail the operation when a block can not be stored', async () => {
    const storing = new Storing();
    await pool.ready();
    rmSync(lab.dataPath, { recursive: true, force: true });
    lab.source(Buffer.from('no folder'), 'data');
    await expect(pool.run(storing)).rejects.toMatchObject({ code: 'dataBackend', exitCode: 6 });
  });

  it('end what is in flight when the operation is to stop', async () => {
    const storing = new Storing();
    const run = pool.run({
      next: () => storing.next(),
      answered: (answer) => {
        aborter.abort(new Error('enough'));
        storing.answered(answer);
      },
    });
    await run;
    expect(storing.uids.size).toBe(storing.digests.size);
  });

  it('end at once when they are not needed', async () => {
    await pool.close();
    await expect(pool.flush()).rejects.toMatchObject({ code: 'worker' });
  });
});

it.each([0, 1] as const)('blobs of encryption version %i are put from memory that direct I/O can use', async (version) => {
  const put = vi.spyOn(FileBackend.prototype, 'put');
  start({ inline: true, encryption: { version, key: '11'.repeat(32), compressionLevel: 1 } });
  await pool.run(new Storing());
  const aligned = put.mock.calls.map(([, bytes]) => isAligned(bytes));
  put.mockRestore();
  expect(aligned).toEqual(new Array(BLOCKS).fill(true));
});

it('many requests at once make Node warn of nothing', async () => {
  const warned = vi.fn();
  process.on('warning', warned);
  const server = await FakeS3.start();
  let arrived = 0;
  let open = () => {};
  const allArrived = new Promise<void>((resolve) => {
    open = resolve;
  });
  server.rule = async ({ method }) => {
    if (method === 'PUT' && ++arrived === BLOCKS) open();
    await allArrived;
    return undefined;
  };
  start({ inline: true, data: { ...lab.data, simultaneousWrites: BLOCKS, backend: server.options() } });
  await pool.run(new Storing());
  await pool.close();
  server.stop();
  process.off('warning', warned);
  expect(server.objects.size).toBe(BLOCKS);
  expect(warned).not.toHaveBeenCalled();
});

it.each([false, true])('a source that has become shorter fails the operation (inline: %s)', async (inline) => {
  start({ inline, sizeBytes: image.length + 1 });
  await expect(pool.run(new Storing())).rejects.toMatchObject({ code: 'io', message: expect.stringContaining('are expected') });
});

it('a pool with a target has threads, even if it need not: some calls of a target block', async () => {
  const url = lab.source(image, 'target');
  start({ inline: true, source: undefined, target: { url, limits: source.limits } });
  await pool.ready();
  expect(threads).toBe(2);
});

describe('jobs that are decided at the same time', () => {
  const TOGETHER = 4;

  /** @returns how many stored blocks each post reports. */
  async function storedPerPost(inline: boolean): Promise<number[]> {
    start({ inline });
    const options = {
      ...{ workers: 1, inline, blockSize: BLOCK_SIZE, sizeBytes: image.length, hashFunction: 'sha512', source },
      data: { ...lab.data, backend: { type: 'null' } as const },
      ...{ encryption: lab.context.settings.encryption, onRetry: () => {} },
    };
    const [setup] = workerSetups(options, planSlots(options));
    if (setup === undefined) throw new Error('there is no worker');
    const posts: FromWorker[][] = [];
    let leave = () => {};
    const ended = new Promise<void>((resolve) => {
      leave = resolve;
    });
    const worker = BlockWorker.open(setup, { post: (messages) => posts.push(messages), close: leave });
    const count = (kind: FromWorker['kind']) =>
      posts.map((messages) => messages.filter((message) => message.kind === kind).length);
    // Others wait for a slot.
    const ids = Array.from({ length: TOGETHER }, (_, id) => id);
    worker?.receive(ids.map((id) => ({ kind: 'job', job: id, work: { kind: 'read', first: id, count: 1 } })));
    await expect.poll(() => sum(count('digested'))).toBe(TOGETHER);
    worker?.receive(ids.map((id) => ({ kind: 'decide', job: id, decisions: [{ action: 'store' }] })));
    await expect.poll(() => sum(count('stored'))).toBe(TOGETHER);
    worker?.receive([{ kind: 'finish' }]);
    await ended;
    return count('stored').filter((stored) => stored > 0);
  }
  const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

  it('are encoded one a turn on the calling thread, which hears its signals in between', async () => {
    // Answers are posted one turn later, so that two of them may meet.
    expect(Math.max(...(await storedPerPost(true)))).toBeLessThanOrEqual(2);
  });

  it('are encoded together in a thread', async () => {
    expect(await storedPerPost(false)).toEqual([TOGETHER]);
  });
});
