/**
 * The candidate with the fewest typing errors relative to its length, so that `dedup` is nearer to
 * `deduplication` than to a short name. The first of equals; '' without candidates.
 */
export function nearest(word: string, candidates: readonly string[]): string {
  let best = { name: '', distance: Number.POSITIVE_INFINITY };
  for (const name of candidates) {
    const distance = typingErrors(word, name) / Math.max(word.length, name.length);
    if (distance < best.distance) best = { name, distance };
  }
  return best.name;
}

/**
 * The share of wrong letters up to which a word is near another one. One letter may always be
 * wrong.
 */
const MOST_ERRORS = 0.4;

/** Whether `word` likely stands for `candidate`. Always false for a single letter. */
export function isNear(word: string, candidate: string): boolean {
  if (word.length < 2) return false;
  return typingErrors(word, candidate) <= Math.max(1, Math.max(word.length, candidate.length) * MOST_ERRORS);
}

/**
 * The number of letters to insert, delete, replace or swap to turn one word into the other; ignores
 * case.
 */
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
