import type { MetaStore } from '../../meta/meta-store.ts';
import type { Healing } from '../../model/blob.ts';
import type { BackupRow } from '../../model/block.ts';
import type { BlockRange } from '../../model/block-range.ts';
import { addCounters, type BackupCounters } from '../../model/counters.ts';
import type { Geometry } from '../../model/geometry.ts';

/** A row that waits for its commit, with what it counts for. */
export interface PendingRow extends BackupRow {
  /** Bytes that were read from the source for it. */
  bytesRead: number;
}

/** A zero block that waits for its commit. */
export interface PendingZero {
  id: number;
  size: number;
  bytesRead: number;
}

/** What a sink works with. */
export interface RowCommitterOptions {
  meta: MetaStore;
  versionUid: string;
  geometry: Geometry;
  /** Counters of what was committed before. */
  counters: BackupCounters;
  /** Makes every blob that was stored before the call durable. */
  flush(): Promise<void>;
  /** Rejects when the new blobs are not where they should be: a file system may have been unmounted. */
  confirmStore(): Promise<void>;
  /** Those of these rows, which have a new blob, whose blob is gone: they count as refused. */
  gone?: ((rows: readonly BackupRow[]) => Promise<ReadonlySet<BackupRow>>) | undefined;
  /** Rows whose blob was taken away between its discovery, or its making, and its commit. */
  onRefused(rows: BackupRow[]): void;
  /** Rows that are in. */
  onCommitted(rows: readonly BackupRow[]): void;
  /** Use new blobs for bad rows of the same content as well. */
  heals: boolean;
  /** Such rows that were mended, if any. */
  onHealed(healing: Healing): void;
  /** Seconds that the backup has taken, earlier runs included. */
  elapsedSeconds(): number;
}

/** A transaction and a group of fsyncs for so many rows, or so long: durability then costs little. */
const GROUP_ROWS = 10_000;
const GROUP_MS = 2_000;

/** Gathers rows and commits them in groups, each after its blobs are durable. */
export class RowCommitter {
  readonly #options: RowCommitterOptions;
  #rows: PendingRow[] = [];
  #zeros: PendingZero[] = [];
  #oldest = 0;
  #committing: Promise<void> | undefined;
  #counters: BackupCounters;
  #flushFailure: { error: unknown } | undefined;

  constructor(options: RowCommitterOptions) {
    this.#options = options;
    this.#counters = options.counters;
  }

  /** Counters of what is committed. */
  get counters(): BackupCounters {
    return this.#counters;
  }

  addRow(row: PendingRow): void {
    this.#note();
    this.#rows.push(row);
  }

  addZero(zero: PendingZero): void {
    this.#note();
    this.#zeros.push(zero);
  }

  /** Commits when a group is full or old. Resolves at once otherwise. */
  async commitIfDue(): Promise<void> {
    const waiting = this.#rows.length + this.#zeros.length;
    if (waiting === 0 || this.#committing !== undefined) return;
    if (waiting >= GROUP_ROWS || performance.now() - this.#oldest >= GROUP_MS) await this.commit();
  }

  /** Resolves when there is room for more rows: what keeps a slow database from filling the memory. */
  async room(): Promise<void> {
    while (this.#committing !== undefined && this.#rows.length + this.#zeros.length >= 2 * GROUP_ROWS) await this.#committing;
  }

  /** Commits all that is there. */
  async commit(): Promise<void> {
    while (this.#committing !== undefined) await this.#committing;
    if (this.#rows.length + this.#zeros.length === 0) return;
    this.#committing = this.#commitGroup();
    try {
      await this.#committing;
    } finally {
      this.#committing = undefined;
    }
  }

  async #commitGroup(): Promise<void> {
    const rows = this.#rows;
    const zeros = this.#zeros;
    this.#rows = [];
    this.#zeros = [];
    const { meta, versionUid, geometry, heals } = this.#options;
    // Only blobs of this very run need it: what was found by dedup was durable before its row.
    const fresh = rows.filter((row) => !row.found);
    if (fresh.length > 0) {
      await this.#flush();
      await this.#options.confirmStore();
    }
    const gone = [...((await this.#options.gone?.(fresh)) ?? [])];
    const kept = gone.length === 0 ? rows : rows.filter((row) => !gone.includes(row));
    const counters = (others: readonly BackupRow[]) => this.#countersWith(rows, zeros, [...others, ...gone]);
    const outcome = await meta.commitGroup(versionUid, { rows: kept, sparse: toRanges(zeros), heals, counters }, geometry);
    const { healing } = outcome;
    const refused = [...outcome.refused, ...gone];
    this.#counters = this.#countersWith(rows, zeros, refused);
    this.#options.onCommitted(rows);
    if (refused.length > 0) this.#options.onRefused(refused);
    if (healing.blocks > 0) this.#options.onHealed(healing);
  }

  /** A kernel reports a failed write once: after that, a flush that succeeds proves nothing of what was stored before. */
  async #flush(): Promise<void> {
    if (this.#flushFailure !== undefined) throw this.#flushFailure.error;
    try {
      await this.#options.flush();
    } catch (error) {
      this.#flushFailure = { error };
      throw error;
    }
  }

  #countersWith(rows: readonly PendingRow[], zeros: readonly PendingZero[], refused: readonly BackupRow[]): BackupCounters {
    const out = new Set(refused);
    const group = addCounters(this.#counters, {});
    group.durationSeconds = this.#options.elapsedSeconds();
    for (const row of rows) {
      if (out.has(row)) continue;
      countRead(group, row.bytesRead);
      if (row.found) {
        group.bytesDedup += row.size;
        group.blocksDedup++;
      } else {
        group.bytesWritten += row.size;
        group.blocksWritten++;
      }
    }
    for (const zero of zeros) {
      countRead(group, zero.bytesRead);
      group.bytesSparse += zero.size;
      group.blocksSparse++;
    }
    return group;
  }

  #note(): void {
    if (this.#rows.length + this.#zeros.length === 0) this.#oldest = performance.now();
  }
}

function countRead(counters: BackupCounters, bytesRead: number): void {
  if (bytesRead === 0) return;
  counters.bytesRead += bytesRead;
  counters.blocksRead++;
}

function toRanges(zeros: PendingZero[]): BlockRange[] {
  const ranges: BlockRange[] = [];
  for (const { id } of zeros.sort((a, b) => a.id - b.id)) {
    const last = ranges.at(-1);
    if (last !== undefined && last.first + last.count === id) last.count++;
    else ranges.push({ first: id, count: 1 });
  }
  return ranges;
}
