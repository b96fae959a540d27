/**
 * Runs each subject once per round, one right after the other, in reverse order every other round.
 * So disturbances of the machine affect all subjects alike.
 * @template {string} K
 * @param {number} rounds
 * @param {Record<K, () => Promise<Record<string, number>>>} subjects
 * @returns {Promise<Record<K, Record<string, number>>[]>} a result of every subject for each round.
 */
export async function alternate(rounds, subjects) {
  const results = [];
  for (let round = 0; round < rounds; round++) {
    const names = /** @type {K[]} */ (Object.keys(subjects));
    if (round % 2 === 1) names.reverse();
    const result = /** @type {Record<K, Record<string, number>>} */ ({});
    for (const name of names) result[name] = await subjects[name]();
    results.push(result);
  }
  return results;
}

/**
 * The median; of an even number of values the mean of the two in the middle.
 * @param {number[]} values
 */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle)] ?? Number.NaN)) / 2;
}

/**
 * Makes a row from the figures of each round. Its ratio is the median of the rounds' own ratios,
 * not the ratio of the medians: so a slow minute affects both sides of a ratio.
 * @param {{ name: string, what: string, unit: string, atLeast?: number, atMost?: number }} row
 * @param {{ ours: number, limit: number }[]} rounds
 * @returns {import('./table.mjs').Row}
 */
export function toRow(row, rounds) {
  return {
    ...row,
    ours: median(rounds.map((round) => round.ours)),
    limit: median(rounds.map((round) => round.limit)),
    ratio: median(rounds.map((round) => round.ours / round.limit)),
    ratios: rounds.map((round) => Number((round.ours / round.limit).toFixed(3))),
  };
}
