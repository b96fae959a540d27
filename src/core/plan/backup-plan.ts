import { Bitmap } from '../../model/bitmap.ts';
import { blockCount, type Geometry } from '../../model/geometry.ts';
import type { Hint } from './hints.ts';

/** How each block is backed up. Every block is in exactly one of `read`, `take` and `sparse`. */
export interface BackupPlan {
  /** Read from the source. */
  read: Bitmap;
  /** Taken over from the base version. */
  take: Bitmap;
  /** All zero, as hints say. */
  sparse: Bitmap;
  /**
   * Without a base: the blocks of `sparse` that no hint touches. Undefined with a base, or without
   * hints.
   */
  presumedZero?: Bitmap;
}

/** A source, its hints and its base. */
interface PlanInput extends Geometry {
  /** Undefined: everything is read. An empty list: nothing has changed. */
  hints: readonly Hint[] | undefined;
  /** Bytes of the base version. Undefined: there is none. */
  baseSizeBytes: number | undefined;
}

/**
 * Plans a backup (docs/spec/semantics.md §2.2). Takes three bits of memory for each block, four
 * without a base, and time linear in blocks and hints.
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

/** A source in bytes and blocks. */
interface SourceSize extends Geometry {
  /** Blocks. */
  size: number;
}

/** A block is read if a changed range touches it, and zero only if a hole covers it entirely. */
function touchedBlocks(hints: readonly Hint[], { blockSize, sizeBytes, size }: SourceSize): { read: Bitmap; covered: Bitmap } {
  const read = new Bitmap(size);
  const covered = new Bitmap(size);
  for (const { offset, length, exists } of hints) {
    if (exists) read.addRange(Math.floor(offset / blockSize), Math.ceil((offset + length) / blockSize));
  }
  for (const { first, end } of mergedHoles(hints)) {
    // The last block may be shorter: it ends with the source.
    const lastWhole = end >= sizeBytes ? size : Math.floor(end / blockSize);
    const firstWhole = Math.ceil(first / blockSize);
    if (firstWhole < lastWhole) covered.addRange(firstWhole, lastWhole);
    // The rest of a block that a hole covers in part may hold data.
    if (first % blockSize !== 0) addPart(read, Math.floor(first / blockSize), first, end);
    if (end % blockSize !== 0 && end < sizeBytes) addPart(read, Math.floor(end / blockSize), first, end);
  }
  return { read, covered };
}

function addPart(read: Bitmap, id: number, first: number, end: number): void {
  if (end > first) read.add(id);
}

/** The holes in order. Those that touch or overlap are merged: two halves may cover a block. */
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

/** Blocks whose length differs from the base's are read, and so are blocks beyond its end. */
function readWhereLengthsDiffer(
  plan: BackupPlan,
  { blockSize, sizeBytes, baseSizeBytes, size }: SourceSize & { baseSizeBytes: number },
): void {
  if (baseSizeBytes === sizeBytes) return;
  const baseSize = blockCount({ blockSize, sizeBytes: baseSizeBytes });
  // The first block that may differ in length is the last one of the shorter image, unless that one
  // is whole.
  const firstOther = Math.min(Math.floor(baseSizeBytes / blockSize), Math.floor(sizeBytes / blockSize));
  for (let range = plan.take.nextRange(firstOther); range !== undefined; range = plan.take.nextRange(range.first)) {
    plan.take.deleteRange(range.first, range.first + range.count);
    plan.read.addRange(range.first, range.first + range.count);
  }
  // A hole in the base's last block is read as well if that block had another length.
  const last = Math.min(baseSize, size) - 1;
  if (last >= firstOther && plan.sparse.has(last)) {
    plan.sparse.delete(last);
    plan.read.add(last);
  }
}

/** Blocks that no hint touches become zeros, since there is nothing to take over. */
function withoutBase({ read, take, sparse }: BackupPlan): BackupPlan {
  for (const { first, count } of take.ranges()) sparse.addRange(first, first + count);
  return { read, take: new Bitmap(take.size), sparse, presumedZero: take };
}
