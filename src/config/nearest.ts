/**
 * The one of `candidates` that takes the fewest typing errors to become `word`, for its length, so that `dedup` is
 * nearer to `deduplication` than to a short name. The first of equals; an empty string if there are none.
 */
export function nearest(word: string, candidates: readonly string[]): string {
  let best = { name: '', distance: Number.POSITIVE_INFINITY };
  for (const name of candidates) {
    const distance = typingErrors(word, name) / Math.max(word.length, name.length);
    if (distance < best.distance) best = { name, distance };
  }
  return best.name;
}

/** So many letters of a word may be wrong for it to be meant as another: one, or this part of them. */
const MOST_ERRORS = 0.4;

/** Whether `candidate` is likely what was meant by `word`. A single letter tells too little. */
export function isNear(word: string, candidate: string): boolean {
  if (word.length < 2) return false;
  return typingErrors(word, candidate) <= Math.max(1, Math.max(word.length, candidate.length) * MOST_ERRORS);
}

/** How many letters to insert, delete, replace or swap with the next to make one word of the other; case does not count. */
function typingErrors(from: string, to: string): number {
  const [left, right] = [[...from.toLowerCase()], [...to.toLowerCase()]];
  let before: number[] = [];
  let row = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (const [index, letter] of left.entries()) {
    const next = [index + 1];
    for (const [column, other] of right.entries()) {
      const replaced = (row[column] ?? 0) + (letter === other ? 0 : 1);
      const changed = Math.min(replaced, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1);
      const isSwap = column > 0 && index > 0 && letter === right[column - 1] && left[index - 1] === other;
      next.push(isSwap ? Math.min(changed, (before[column - 1] ?? 0) + 1) : changed);
    }
    before = row;
    row = next;
  }
  return row[right.length] ?? 0;
}
