import { Bitmap } from '../../model/bitmap.ts';
import { blockCount } from '../../model/geometry.ts';
import type { Hint } from './hints.ts';

/**
 * What is to happen with each block; every block is in exactly one of the sets `read`, `take` and
 * `sparse`.
 */
export interface BackupPlan {
  /** Read it from the source. */
  read: Bitmap;
  /** Take the base version's row over. */
  take: Bitmap;
  /** All zero, says the hint. */
  sparse: Bitmap;
  /**
   * Without a base: the blocks of `sparse` that no hint touches. Undefined where there is a base,
   * or where there are no hints.
   */
  presumedZero?: Bitmap;
}

/** What a plan is made from. */
export interface PlanInput {
  /** Bytes of a block. */
  blockSize: number;
  /** Bytes of the source. */
  sizeBytes: number;
  /** Undefined: there are none, and everything is read. An empty list: nothing changed. */
  hints: readonly Hint[] | undefined;
  /** Bytes of the base version, if there is one. */
  baseSizeBytes: number | undefined;
}

/**
 * Plans a backup (semantics.md, backup 2). Memory: three bits a block, four without a base; time:
 * linear in blocks and hints.
 */
export function planBackup({ blockSize, sizeBytes, hints, baseSizeBytes }: PlanInput): BackupPlan {
  const size = blockCount({ blockSize, sizeBytes });
  if (hints === undefined) {
    return { read: new Bitmap(size, true), take: new Bitmap(size), sparse: new Bitmap(size) };
  }
  const { read, covered } = touchedBlocks(hints, { blockSize, sizeBytes, size });
  const plan: BackupPlan = { read, take: new Bitmap(size, true), sparse: covered };
  for (const { first, count } of read.ranges()) {
    plan.take.deleteRange(first, first + count);
    plan.sparse.deleteRange(first, first + count);
  }
  for (const { first, count } of plan.sparse.ranges()) plan.take.deleteRange(first, first + count);
  if (baseSizeBytes === undefined) return withoutBase(plan);
  readWhereLengthsDiffer(plan, { blockSize, sizeBytes, baseSizeBytes, size });
  return plan;
}

/** The blocks to read because hints touch them, and those that holes cover wholly. */
function touchedBlocks(
  hints: readonly Hint[],
  { blockSize, sizeBytes, size }: { blockSize: number; sizeBytes: number; size: number },
): { read: Bitmap; covered: Bitmap } {
  const read = new Bitmap(size);
  const covered = new Bitmap(size);
  for (const { offset, length, exists } of hints) {
    if (exists) read.addRange(Math.floor(offset / blockSize), Math.ceil((offset + length) / blockSize));
  }
  for (const { first, end } of mergedHoles(hints)) {
    // The last block ends with the source, wherever that is.
    const lastWhole = end >= sizeBytes ? size : Math.floor(end / blockSize);
    const firstWhole = Math.ceil(first / blockSize);
    if (firstWhole < lastWhole) covered.addRange(firstWhole, lastWhole);
    // A block that holes touch only in part holds data as well, as far as anybody knows.
    if (first % blockSize !== 0) addPart(read, Math.floor(first / blockSize), first, end);
    if (end % blockSize !== 0 && end < sizeBytes) addPart(read, Math.floor(end / blockSize), first, end);
  }
  return { read, covered };
}

function addPart(read: Bitmap, id: number, first: number, end: number): void {
  if (end > first) read.add(id);
}

/** The holes in order, those that touch or overlap made one: two halves cover a block wholly. */
function mergedHoles(hints: readonly Hint[]): { first: number; end: number }[] {
  const holes = hints.filter((hint) => !hint.exists && hint.length > 0).sort((a, b) => a.offset - b.offset);
  const merged: { first: number; end: number }[] = [];
  for (const { offset, length } of holes) {
    const last = merged.at(-1);
    if (last !== undefined && offset <= last.end) last.end = Math.max(last.end, offset + length);
    else merged.push({ first: offset, end: offset + length });
  }
  return merged;
}

/** Blocks whose length differs from the base's, and untouched ones past its end, are read: nothing is known of them. */
function readWhereLengthsDiffer(
  plan: BackupPlan,
  { blockSize, sizeBytes, baseSizeBytes, size }: { blockSize: number; sizeBytes: number; baseSizeBytes: number; size: number },
): void {
  if (baseSizeBytes === sizeBytes) return;
  const baseSize = blockCount({ blockSize, sizeBytes: baseSizeBytes });
  // The first block that may differ in length: the base's last one if it was short or is not the last any more, ours likewise.
  const firstOther = Math.min(Math.floor(baseSizeBytes / blockSize), Math.floor(sizeBytes / blockSize));
  for (let range = plan.take.nextRange(firstOther); range !== undefined; range = plan.take.nextRange(range.first)) {
    plan.take.deleteRange(range.first, range.first + range.count);
    plan.read.addRange(range.first, range.first + range.count);
  }
  // A hole that the hints name is a hole, but where the base's last block was of another length, read it all the same.
  const last = Math.min(baseSize, size) - 1;
  if (last >= firstOther && plan.sparse.has(last)) {
    plan.sparse.delete(last);
    plan.read.add(last);
  }
}

/** There is nothing to take over: what no hint touches becomes zeros, too. */
function withoutBase({ read, take, sparse }: BackupPlan): BackupPlan {
  for (const { first, count } of take.ranges()) sparse.addRange(first, first + count);
  return { read, take: new Bitmap(take.size), sparse, presumedZero: take };
}
