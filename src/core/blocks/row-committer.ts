import type { MetaStore } from '../../meta/meta-store.ts';
import type { Healing } from '../../model/blob.ts';
import { type BackupRow, type Block, zeroBlock } from '../../model/block.ts';
import type { BlockRange } from '../../model/block-range.ts';
import { addCounters, type BackupCounters } from '../../model/counters.ts';
import type { Geometry } from '../../model/geometry.ts';
import { GroupCommitter } from './group-committer.ts';

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

/**
 * Those of these rows, whose blobs are new, whose blobs are missing again. They count as refused.
 */
export type FindMissing = (rows: readonly BackupRow[]) => Promise<ReadonlySet<BackupRow>>;

/** A version whose rows are committed, and the calls that go with it. */
interface RowCommitterOptions {
  meta: MetaStore;
  versionUid: string;
  geometry: Geometry;
  /** Counters of what was committed before. */
  counters: BackupCounters;
  /** Makes every blob that was stored before the call durable. */
  flush(): Promise<void>;
  /** Rejects if the new blobs are not in the right store: a file system may have been unmounted. */
  confirmStore(): Promise<void>;
  findMissing?: FindMissing | undefined;
  /** Called with rows whose blob was removed before their commit. */
  onRefused(rows: BackupRow[]): void;
  /** Called with the rows of each group, refused ones included. */
  onCommitted(rows: readonly BackupRow[]): void;
  /** Called with all blocks of a group that got their rows. */
  onAdded?: ((blocks: Iterable<Block>) => Promise<void>) | undefined;
  /** Use new blobs for bad rows of the same content as well. */
  heals: boolean;
  /** Called when bad rows were healed. */
  onHealed(healing: Healing): void;
  /** Seconds that the backup has taken, earlier runs included. */
  elapsedSeconds(): number;
}

/** With these, the transaction and the fsyncs of a group cost little. */
const GROUP_ROWS = 20_000;
const GROUP_MS = 2_000;

/** Commits the rows of a version in groups, each after its blobs are durable. */
export class RowCommitter {
  readonly #options: RowCommitterOptions;
  readonly #group: GroupCommitter<PendingRow | PendingZero>;
  #counters: BackupCounters;

  constructor(options: RowCommitterOptions) {
    this.#options = options;
    this.#counters = options.counters;
    this.#group = new GroupCommitter({
      dueItems: GROUP_ROWS,
      dueMs: GROUP_MS,
      flush: async (items) => {
        if (items.some(hasNewBlob)) await options.flush();
      },
      commit: (items) => this.#commitGroup(items),
    });
  }

  /** Counters of what is committed. */
  get counters(): BackupCounters {
    return this.#counters;
  }

  addRow(row: PendingRow): void {
    this.#group.add(row);
  }

  addZero(zero: PendingZero): void {
    this.#group.add(zero);
  }

  /** See {@link GroupCommitter}. */
  commitIfDue(): Promise<void> {
    return this.#group.commitIfDue();
  }

  /** See {@link GroupCommitter}. */
  room(): Promise<void> {
    return this.#group.room();
  }

  /** See {@link GroupCommitter}. */
  commit(): Promise<void> {
    return this.#group.commit();
  }

  async #commitGroup(items: readonly (PendingRow | PendingZero)[]): Promise<void> {
    const { meta, versionUid, geometry, heals } = this.#options;
    const rows = items.filter(isRow);
    const zeros = items.filter((item) => !isRow(item));
    const fresh = rows.filter(hasNewBlob);
    if (fresh.length > 0) await this.#options.confirmStore();
    const gone = [...((await this.#options.findMissing?.(fresh)) ?? [])];
    const kept = gone.length === 0 ? rows : rows.filter((row) => !gone.includes(row));
    const counters = (others: readonly BackupRow[]) => this.#countersWith(rows, zeros, [...others, ...gone]);
    const outcome = await meta.commitGroup(versionUid, { rows: kept, sparse: toRanges(zeros), heals, counters }, geometry);
    const { healing } = outcome;
    const refused = [...outcome.refused, ...gone];
    this.#counters = this.#countersWith(rows, zeros, refused);
    this.#options.onCommitted(rows);
    if (refused.length > 0) this.#options.onRefused(refused);
    if (healing.blocks > 0) this.#options.onHealed(healing);
    await this.#options.onAdded?.(blocksAdded(rows, zeros, refused));
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
}

/** The blocks of a group without those that were refused. */
function* blocksAdded(
  rows: readonly PendingRow[],
  zeros: readonly PendingZero[],
  refused: readonly BackupRow[],
): IterableIterator<Block> {
  const out = new Set(refused);
  for (const row of rows) if (!out.has(row)) yield row;
  for (const { id, size } of zeros) yield zeroBlock(id, size);
}

function isRow(item: PendingRow | PendingZero): item is PendingRow {
  return 'uid' in item;
}

/** Blobs that dedup found were durable before. */
function hasNewBlob(item: PendingRow | PendingZero): boolean {
  return isRow(item) && !item.found;
}

function countRead(counters: BackupCounters, bytesRead: number): void {
  if (bytesRead === 0) return;
  counters.bytesRead += bytesRead;
  counters.blocksRead++;
}

function toRanges(zeros: readonly PendingZero[]): BlockRange[] {
  const ranges: BlockRange[] = [];
  for (const { id } of zeros.toSorted((a, b) => a.id - b.id)) {
    const last = ranges.at(-1);
    if (last !== undefined && last.first + last.count === id) last.count++;
    else ranges.push({ first: id, count: 1 });
  }
  return ranges;
}
