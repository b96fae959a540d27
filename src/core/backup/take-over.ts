import { setTimeout as sleep } from 'node:timers/promises';
import type { MetaStore } from '../../meta/meta-store.ts';
import type { Bitmap } from '../../model/bitmap.ts';
import { type Block, zeroBlock } from '../../model/block.ts';
import { type BlockRange, blocksIn, bytesIn } from '../../model/block-range.ts';
import { addCounters, type BackupCounters } from '../../model/counters.ts';
import { blockLength, type Geometry } from '../../model/geometry.ts';
import { addMissingBlocks } from '../blocks/present-blocks.ts';
import type { BackupPlan } from '../plan/backup-plan.ts';

/**
 * Blocks that are taken over with one call, which bounds the temporary space. Every call touches
 * all pages of the indexes, however few rows it has, so that a 10 TiB image is one call.
 */
const TAKE_OVER_BLOCKS = 3_000_000;
/** Zero blocks that one transaction adds: it takes about half a second, and other writers wait. */
const ZERO_BLOCKS = 50_000;
/** Ranges in one call. Plans that change block by block have many. */
const RANGES = 500_000;
/** The write lock is free for this long between two transactions. Other writers try more often. */
const PAUSE_MS = 15;

/** A version whose blocks are filled in from the database alone. */
interface TakeOverOptions {
  meta: MetaStore;
  versionUid: string;
  geometry: Geometry;
  plan: BackupPlan;
  counters: BackupCounters;
  signal: AbortSignal;
  elapsedSeconds(): number;
  /** Called when blocks are finished. */
  onBlocks(count: number): void;
  /** Called with blocks that were planned to be zero, once they have their rows. */
  onZeros?: ((blocks: Iterable<Block>) => Promise<void>) | undefined;
}

/**
 * Copies the base's rows inside the database, in pieces. Blocks whose row is missing there, invalid
 * or of another length are added to those to read. @returns the counters of the backup by then.
 */
export async function takeOverFromBase(options: TakeOverOptions, baseUid: string): Promise<BackupCounters> {
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
    if (blocks < blocksIn(ranges)) await readUncopied(options, ranges);
  }
  return counters;
}

/** Adds rows for blocks that hints call holes. @returns the counters of the backup by then. */
export async function addPlannedZeros(options: TakeOverOptions): Promise<BackupCounters> {
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
    await options.onZeros?.(zeroBlocks(sparse, geometry));
    await sleep(PAUSE_MS);
  }
  return counters;
}

async function readUncopied({ meta, versionUid, plan }: TakeOverOptions, ranges: readonly BlockRange[]): Promise<void> {
  for (const range of ranges) await addMissingBlocks(meta, { versionUid, ids: plan.read, range });
}

function* zeroBlocks(ranges: readonly BlockRange[], geometry: Geometry): IterableIterator<Block> {
  for (const { first, count } of ranges)
    for (let id = first; id < first + count; id++) yield zeroBlock(id, blockLength(geometry, id));
}

/** The ranges of a set, in pieces of at most `mostBlocks` blocks. */
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
