import { setTimeout as sleep } from 'node:timers/promises';
import type { Geometry, MetaStore } from '../../meta/meta-store.ts';
import type { BackupCounters, BlockRange } from '../../meta/types.ts';
import type { BackupPlan } from '../plan/backup-plan.ts';
import type { Bitmap } from '../plan/bitmap.ts';
import { addCounters } from './counters.ts';

/** Blocks that one transaction takes over: about half a second, after which others get their turn. */
const PIECE_BLOCKS = 50_000;
/** Ranges that one transaction takes over, for plans that change block by block. */
const PIECE_RANGES = 5_000;
/** Between two pieces the write lock is free for so long; other writers look for it more often than that. */
const PAUSE_MS = 15;

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
  for (const ranges of pieces(plan.take)) {
    options.signal.throwIfAborted();
    const before = counters;
    const piece = await meta.takeOver({
      baseUid,
      versionUid,
      ranges,
      geometry,
      counters: (copied) => {
        counters = addCounters(before, {
          bytesDedup: copied.bytes - copied.sparseBytes,
          blocksDedup: copied.blocks - copied.sparseBlocks,
          bytesSparse: copied.sparseBytes,
          blocksSparse: copied.sparseBlocks,
        });
        counters.durationSeconds = options.elapsedSeconds();
        return counters;
      },
    });
    options.onBlocks(piece.blocks);
    if (piece.blocks < blocksIn(ranges)) await readWhatWasNotCopied(options, ranges);
    await sleep(PAUSE_MS);
  }
  return counters;
}

/** Adds the rows of blocks that the hints call holes. @returns the counters of the backup by then. */
export async function addPlannedZeros(options: SetPhaseOptions): Promise<BackupCounters> {
  const { meta, versionUid, geometry, plan } = options;
  let counters = options.counters;
  for (const sparse of pieces(plan.sparse)) {
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
  for (const range of ranges) {
    plan.read.addRange(range.first, range.first + range.count);
    for (const present of await meta.presentBlocks(versionUid, range))
      plan.read.deleteRange(present.first, present.first + present.count);
  }
}

/** The runs of a set, cut and gathered to pieces of bounded size. */
function* pieces(set: Bitmap): IterableIterator<BlockRange[]> {
  let piece: BlockRange[] = [];
  let blocks = 0;
  for (
    let range = set.nextRange(0, PIECE_BLOCKS);
    range !== undefined;
    range = set.nextRange(range.first + range.count, PIECE_BLOCKS - blocks)
  ) {
    piece.push(range);
    blocks += range.count;
    if (blocks < PIECE_BLOCKS && piece.length < PIECE_RANGES) continue;
    yield piece;
    piece = [];
    blocks = 0;
  }
  if (piece.length > 0) yield piece;
}

function blocksIn(ranges: readonly BlockRange[]): number {
  return ranges.reduce((sum, range) => sum + range.count, 0);
}

function bytesIn(ranges: readonly BlockRange[], { blockSize, sizeBytes }: Geometry): number {
  return ranges.reduce((sum, { first, count }) => sum + Math.min((first + count) * blockSize, sizeBytes) - first * blockSize, 0);
}
