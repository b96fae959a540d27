import { fillNullBlock } from '../model/null-block.ts';
import type { BlobProbe, BlobRef, DataBackend, DeleteOutcome } from './data-backend.ts';

/**
 * Stores nothing. Reads give the null source's block of the same number and size
 * (docs/spec/formats.md §4). For benchmarks.
 */
export class NullBackend implements DataBackend {
  async storeIds(): Promise<undefined> {}

  async createStoreId(): Promise<string[]> {
    return [];
  }

  async put(_uid: string, _bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
  }

  async flush(): Promise<void> {}

  async get(blob: BlobRef, into: Uint8Array, signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    fillNullBlock(into.subarray(0, blob.plainBytes), blob.blockId);
    return blob.plainBytes;
  }

  async probe(): Promise<BlobProbe> {
    return { state: 'unknown' };
  }

  async find(): Promise<BlobProbe> {
    return { state: 'unknown' };
  }

  async delete(uids: readonly string[]): Promise<DeleteOutcome> {
    return { deleted: [...uids], failed: [] };
  }

  async *list(): AsyncIterable<string> {}

  async sweepLeftovers(): Promise<number> {
    return 0;
  }

  async lockOutWriters(): Promise<void> {}

  async close(): Promise<void> {}
}
