/** A hint as `rbd diff --format=json` writes it. */
interface RbdHint {
  offset: number;
  length: number;
  exists: boolean | 'true' | 'false';
}

/** Bytes from `first` to before `end`. */
interface Range {
  first: number;
  end: number;
}

/** Different ways to write hints for the same changes. */
export interface HintStyle {
  /** Bytes by which each hint extends beyond the change, on both sides. */
  padding: number;
  /** Splits each hint into two that overlap by this many bytes; 0: no split. */
  overlap: number;
  /** Marks changed ranges that are zero now as holes. */
  namesHoles: boolean;
  /** Includes bytes beyond the end of the base. */
  namesGrowth: boolean;
  /** Last hint first. */
  reversed: boolean;
}

/**
 * Byte ranges that differ between two images, as hints of a snapshot diff. Bytes that only `after`
 * has count too.
 */
export function changedRanges(before: Uint8Array, after: Uint8Array): RbdHint[] {
  return differences(before, after, after.length).map((range) => toHint(range, true));
}

/** Hints that cover every change from `before` to `after`, in a style. */
export function hintsCovering(before: Uint8Array, after: Uint8Array, style: HintStyle): RbdHint[] {
  const end = style.namesGrowth ? after.length : Math.min(before.length, after.length);
  const changes = differences(before, after, end);
  const holes = style.namesHoles ? zeroRanges(after).filter((hole) => changes.some((change) => overlaps(change, hole))) : [];
  const data = changes.flatMap((change) => without(change, holes)).map((range) => padded(range, style.padding, after.length));
  const hints = [
    ...data.flatMap((range) => inPieces(range, style.overlap)).map((range, n) => toHint(range, TRUE[n % TRUE.length] ?? true)),
    ...holes
      .flatMap((range) => inPieces(range, style.overlap))
      .map((range, n) => toHint(range, FALSE[n % FALSE.length] ?? false)),
  ];
  return style.reversed ? hints.reverse() : hints;
}

const TRUE = [true, 'true'] as const;
const FALSE = [false, 'false'] as const;
/** Shorter runs of zeros are no holes. */
const LEAST_HOLE = 100;

function differences(before: Uint8Array, after: Uint8Array, end: number): Range[] {
  return runs(end, (at) => before[at] !== after[at]);
}

function zeroRanges(bytes: Uint8Array): Range[] {
  return runs(bytes.length, (at) => bytes[at] === 0).filter(({ first, end }) => end - first >= LEAST_HOLE);
}

function runs(end: number, holds: (at: number) => boolean): Range[] {
  const found: Range[] = [];
  for (let at = 0; at < end; at++) {
    if (!holds(at)) continue;
    const last = found.at(-1);
    if (last?.end === at) last.end++;
    else found.push({ first: at, end: at + 1 });
  }
  return found;
}

function overlaps(a: Range, b: Range): boolean {
  return a.first < b.end && b.first < a.end;
}

/** The parts of a range that no other range covers. */
function without(range: Range, others: readonly Range[]): Range[] {
  let left = [range];
  for (const { first, end } of others) {
    left = left.flatMap((part) => [
      { first: part.first, end: Math.min(part.end, first) },
      { first: Math.max(part.first, end), end: part.end },
    ]);
    left = left.filter((part) => part.first < part.end);
  }
  return left;
}

function padded({ first, end }: Range, padding: number, length: number): Range {
  return { first: Math.max(0, first - padding), end: Math.min(length, end + padding) };
}

function inPieces({ first, end }: Range, overlap: number): Range[] {
  if (overlap === 0 || end - first < 2) return [{ first, end }];
  const middle = Math.floor((first + end) / 2);
  return [
    { first, end: Math.min(end, middle + overlap) },
    { first: middle, end },
  ];
}

function toHint({ first, end }: Range, exists: RbdHint['exists']): RbdHint {
  return { offset: first, length: end - first, exists };
}
