import type { DataBackend } from '../../data/data-backend.ts';
import type { NamedBlob } from '../../meta/identity-store.ts';
import type { BlockRow, DatedBlockRow } from '../../model/block.ts';
import { probeBlobs } from '../store/probe-blobs.ts';

/** Rows whose blobs are probed together. */
const BATCH = 1_000;

/** Checks during an import which blobs exist. */
export class ImportProbe {
  /** Blocks that have a blob. */
  blocks = 0;
  /** Blocks whose blob is missing. */
  blocksMissing = 0;
  readonly #backend: DataBackend;
  readonly #signal: AbortSignal;

  constructor(backend: DataBackend, signal: AbortSignal) {
    this.#backend = backend;
    this.#signal = signal;
  }

  /** Yields the rows in their order. A row whose blob is missing becomes invalid. */
  async *rows(rows: AsyncIterable<DatedBlockRow>): AsyncIterable<DatedBlockRow> {
    let batch: DatedBlockRow[] = [];
    for await (const row of rows) {
      if (batch.push(row) < BATCH) continue;
      yield* await this.#probe(batch);
      batch = [];
    }
    yield* await this.#probe(batch);
  }

  /** The same by pages. */
  async *pages(pages: AsyncIterable<readonly BlockRow[]>): AsyncIterable<readonly BlockRow[]> {
    for await (const page of pages) yield await this.#probe(page);
  }

  async #probe<R extends BlockRow>(batch: readonly R[]): Promise<R[]> {
    const blobs = new Map<string, NamedBlob>();
    for (const { uid, checksum } of batch) if (uid !== null) blobs.set(uid, { uid, checksum: checksum ?? '' });
    const { missing } = await probeBlobs(this.#backend, [...blobs.values()], this.#signal);
    const missingUids = new Set(missing.map(({ uid }) => uid));
    return batch.map((row) => {
      if (row.uid === null) return row;
      this.blocks++;
      if (!missingUids.has(row.uid)) return row;
      this.blocksMissing++;
      return { ...row, valid: false };
    });
  }
}
