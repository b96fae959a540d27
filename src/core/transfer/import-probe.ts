import type { DataBackend } from '../../data/data-backend.ts';
import type { NamedBlob } from '../../meta/identity-store.ts';
import type { DatedBlockRow } from '../../model/block.ts';
import { probeBlobs } from '../store/probe-blobs.ts';

/** Rows whose blobs are looked for together. */
const BATCH = 1_000;

/** Looks for the blobs of rows while they are imported. */
export class ImportProbe {
  /** Blocks that have a blob. */
  blocks = 0;
  /** Those of them whose blob is missing. */
  blocksMissing = 0;
  readonly #backend: DataBackend;
  readonly #signal: AbortSignal;

  constructor(backend: DataBackend, signal: AbortSignal) {
    this.#backend = backend;
    this.#signal = signal;
  }

  /** The rows, in their order; those whose blob is missing are invalid. */
  async *rows(rows: AsyncIterable<DatedBlockRow>): AsyncIterable<DatedBlockRow> {
    let batch: DatedBlockRow[] = [];
    for await (const row of rows) {
      if (batch.push(row) < BATCH) continue;
      yield* await this.#probe(batch);
      batch = [];
    }
    yield* await this.#probe(batch);
  }

  async #probe(batch: readonly DatedBlockRow[]): Promise<DatedBlockRow[]> {
    const blobs = new Map<string, NamedBlob>();
    for (const { uid, checksum } of batch) if (uid !== null) blobs.set(uid, { uid, checksum: checksum ?? '' });
    const { missing } = await probeBlobs(this.#backend, [...blobs.values()], this.#signal);
    const gone = new Set(missing.map(({ uid }) => uid));
    return batch.map((row) => {
      if (row.uid === null) return row;
      this.blocks++;
      if (!gone.has(row.uid)) return row;
      this.blocksMissing++;
      return { ...row, valid: false };
    });
  }
}
