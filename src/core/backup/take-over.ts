import { setTimeout as sleep } from 'node:timers/promises';
import type { MetaStore } from '../../meta/meta-store.ts';
import type { Bitmap } from '../../model/bitmap.ts';
import { type BlockRange, blocksIn, bytesIn } from '../../model/block-range.ts';
import { addCounters, type BackupCounters } from '../../model/counters.ts';
import type { Geometry } from '../../model/geometry.ts';
import type { BackupPlan } from '../plan/backup-plan.ts';

/**
 * Blocks that are taken over with one call: bounds the temporary space. Every call touches all pages of the indexes, however few rows
 * it has; so as many as a 10 TiB image has go at once.
 */
const TAKE_OVER_BLOCKS = 3_000_000;
/** Zero blocks that one transaction adds: about half a second, after which others get their turn. */
const ZERO_BLOCKS = 50_000;
/** Ranges in one call, for plans that change block by block. */
const RANGES = 500_000;
/** Between two transactions the write lock is free for so long; other writers look for it more often than that. */
const PAUSE_MS = 15;
/** Ids whose rows are looked up at a time. */
const LOOKUP_BLOCKS = 100_000;

/** What the set phases work with. */
export interface SetPhaseOptions {
  meta: MetaStore;
  versionUid: string;
  geometry: Geometry;
  plan: BackupPlan;
  counters: BackupCounters;
  signal: AbortSignal;
  elapsedSeconds(): number;
  onBlocks(count: number): void;
}

/**
 * Takes the base's rows over, inside the database and in pieces. Rows that the base lacks, or that are invalid there or of
 * another length, move to the blocks that are read.
 * @returns the counters of the backup by then.
 */
export async function takeOverFromBase(options: SetPhaseOptions, baseUid: string): Promise<BackupCounters> {
  const { meta, versionUid, geometry, plan } = options;
  let counters = options.counters;
  for (const ranges of pieces(plan.take, TAKE_OVER_BLOCKS)) {
    options.signal.throwIfAborted();
    const before = counters;
    let reported = 0;
    const { blocks } = await meta.takeOver({
      baseUid,
      versionUid,
      ranges,
      geometry,
      counters: (copied) => {
        options.signal.throwIfAborted();
        counters = addCounters(before, {
          bytesDedup: copied.bytes - copied.sparseBytes,
          blocksDedup: copied.blocks - copied.sparseBlocks,
          bytesSparse: copied.sparseBytes,
          blocksSparse: copied.sparseBlocks,
        });
        counters.durationSeconds = options.elapsedSeconds();
        return counters;
      },
      onCopied: (copied) => {
        options.onBlocks(copied.blocks - reported);
        reported = copied.blocks;
      },
    });
    if (blocks < blocksIn(ranges)) await readWhatWasNotCopied(options, ranges);
  }
  return counters;
}

/** Adds the rows of blocks that the hints call holes. @returns the counters of the backup by then. */
export async function addPlannedZeros(options: SetPhaseOptions): Promise<BackupCounters> {
  const { meta, versionUid, geometry, plan } = options;
  let counters = options.counters;
  for (const sparse of pieces(plan.sparse, ZERO_BLOCKS)) {
    options.signal.throwIfAborted();
    const blocksSparse = blocksIn(sparse);
    const next = addCounters(counters, { blocksSparse, bytesSparse: bytesIn(sparse, geometry) });
    next.durationSeconds = options.elapsedSeconds();
    await meta.commitGroup(versionUid, { rows: [], sparse, counters: () => next }, geometry);
    counters = next;
    options.onBlocks(blocksSparse);
    await sleep(PAUSE_MS);
  }
  return counters;
}

async function readWhatWasNotCopied({ meta, versionUid, plan }: SetPhaseOptions, ranges: readonly BlockRange[]): Promise<void> {
  for (const range of ranges) await readMissing(meta, { versionUid, read: plan.read, range });
}

/** Adds the ids within `range` that have no row to those to read. */
export async function readMissing(
  meta: MetaStore,
  { versionUid, read, range }: { versionUid: string; read: Bitmap; range: BlockRange },
): Promise<void> {
  read.addRange(range.first, range.first + range.count);
  for await (const present of presentRanges(meta, versionUid, range))
    read.deleteRange(present.first, present.first + present.count);
}

/** The ids within `range` that have a row, looked up bit by bit: scattered rows make a range each. */
export async function* presentRanges(meta: MetaStore, versionUid: string, range: BlockRange): AsyncIterableIterator<BlockRange> {
  const past = range.first + range.count;
  for (let first = range.first; first < past; first += LOOKUP_BLOCKS) {
    yield* await meta.presentBlocks(versionUid, { first, count: Math.min(LOOKUP_BLOCKS, past - first) });
  }
}

/** The runs of a set, cut and gathered to pieces of at most so many blocks. */
function* pieces(set: Bitmap, mostBlocks: number): IterableIterator<BlockRange[]> {
  let piece: BlockRange[] = [];
  let blocks = 0;
  for (
    let range = set.nextRange(0, mostBlocks);
    range !== undefined;
    range = set.nextRange(range.first + range.count, mostBlocks - blocks)
  ) {
    piece.push(range);
    blocks += range.count;
    if (blocks < mostBlocks && piece.length < RANGES) continue;
    yield piece;
    piece = [];
    blocks = 0;
  }
  if (piece.length > 0) yield piece;
}
