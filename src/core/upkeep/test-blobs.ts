import { randomFillSync } from 'node:crypto';
import { newBlobUid } from '../../data/blob-uid.ts';
import type { DataBackend } from '../../data/data-backend.ts';
import { BackyError } from '../../errors.ts';
import { newAborter } from '../../model/aborter.ts';
import { fillNullBlock } from '../../model/null-block.ts';

/** Properties of the blobs to test with. */
interface TestBlobsOptions {
  blockSize: number;
  /** False for the null backend, which returns the blocks of the null source. */
  keepsBlobs: boolean;
}

/**
 * Blobs of one block that test a data backend. Their uids are new, so they never replace a real
 * blob. Failures are BackyErrors.
 */
export class TestBlobs {
  readonly #backend: DataBackend;
  readonly #options: TestBlobsOptions;
  readonly #uids: string[] = [];
  /** One block per lane. */
  readonly #blocks: Uint8Array[] = [];
  readonly #pattern: Uint8Array;
  /** Never aborted: an interrupted put could still be stored after the delete. */
  readonly #signal = newAborter().signal;

  constructor(backend: DataBackend, options: TestBlobsOptions) {
    this.#backend = backend;
    this.#options = options;
    this.#pattern = randomFillSync(new Uint8Array(options.blockSize));
  }

  /** Blobs that may be stored. */
  get count(): number {
    return this.#uids.length;
  }

  async write(index: number, lane: number): Promise<void> {
    const block = this.#fill(this.#blockOf(lane), index);
    const uid = newBlobUid();
    // Before the put: a blob may be stored even if the put fails.
    this.#uids[index] = uid;
    await this.#backend.put(uid, block, this.#signal);
    await this.#backend.flush();
  }

  async read(index: number, lane: number): Promise<void> {
    const uid = this.#uids[index] ?? '';
    const block = this.#blockOf(lane).fill(0);
    const stored = await this.#backend.get({ uid, blockId: index, plainBytes: block.length }, block, this.#signal);
    if (stored === undefined) throw failure(`Blob ${uid} is missing right after it was written.`);
    const expected = this.#fill(new Uint8Array(this.#options.blockSize), index);
    if (stored === expected.length && Buffer.compare(block, expected) === 0) return;
    throw failure(`Blob ${uid} differs from the bytes that were written (${stored} of ${expected.length} bytes).`);
  }

  /** Finds a blob in the listing. */
  async find(index: number): Promise<void> {
    const uid = this.#uids[index] ?? '';
    for await (const found of this.#backend.list(uid.slice(0, 10))) if (found === uid) return;
    throw failure(`Blob ${uid} is not in the listing right after it was written.`);
  }

  /** Checks that the backend reports a blob as missing that was never written. */
  async readMissing(): Promise<void> {
    const uid = newBlobUid();
    const stored = await this.#backend.get({ uid, blockId: 0, plainBytes: 1 }, new Uint8Array(1), this.#signal);
    if (stored !== undefined) throw failure(`There is a blob ${uid}, which was never written.`);
  }

  /** Deletes all blobs in one call, as cleanup does. */
  async delete(): Promise<void> {
    const { failed } = await this.#backend.delete(this.#uids);
    const [first] = failed;
    if (first === undefined) return;
    throw failure(`${failed.length} of ${this.#uids.length} test blobs could not be deleted. ${first.uid}: ${first.reason}`);
  }

  #blockOf(lane: number): Uint8Array {
    const block = this.#blocks[lane] ?? new Uint8Array(this.#options.blockSize);
    this.#blocks[lane] = block;
    return block;
  }

  /** Fills a block with content that differs for each blob. */
  #fill(block: Uint8Array, index: number): Uint8Array {
    if (!this.#options.keepsBlobs) fillNullBlock(block, index);
    else {
      block.set(this.#pattern);
      new DataView(block.buffer).setUint32(0, index);
    }
    return block;
  }
}

function failure(message: string): BackyError {
  return new BackyError('dataBackend', message);
}
