/**
 * The one of `candidates` that takes the fewest typing errors to become `word`, for its length, so that `dedup` is
 * nearer to `deduplication` than to a short name. The first of equals; an empty string if there are none.
 */
export function nearest(word: string, candidates: string[]): string {
  let best = { name: '', distance: Number.POSITIVE_INFINITY };
  for (const name of candidates) {
    const distance = editDistance(word.toLowerCase(), name.toLowerCase()) / Math.max(word.length, name.length);
    if (distance < best.distance) best = { name, distance };
  }
  return best.name;
}

/** Levenshtein: how many letters to insert, delete or replace. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (const [index, letter] of [...from].entries()) {
    const next = [index + 1];
    for (const [column, above] of row.slice(1).entries()) {
      const replaced = (row[column] ?? 0) + (letter === to[column] ? 0 : 1);
      next.push(Math.min(replaced, above + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
