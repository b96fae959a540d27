import { median } from '../lib/rounds.mjs';
import { sizeOf } from '../rows/common.mjs';

/**
 * A table for docs/benchmarks.md.
 * @param {import('./measure.mjs').Result[]} results
 * @param {number} bytes of the image.
 */
export function renderRivals(results, bytes) {
  const names = Object.keys(results[0]?.rounds[0] ?? {}).filter((name) => name !== 'limit');
  const rival = names.find((name) => name.startsWith('borg'));
  const head = [
    sizeOf(bytes),
    ...names,
    'limit seen in the same minutes',
    'ours, of the limit',
    `ours, times ${rival ?? 'borg'} (goal)`,
  ];
  const rows = results.map(({ what, goal, rounds }) => {
    const times = (/** @type {string} */ other) => median(rounds.map((round) => seconds(round, other) / seconds(round, 'ours')));
    const cells = [...names, 'limit'].map((name) =>
      cell(
        rounds.map((round) => round[name] ?? {}),
        bytes,
      ),
    );
    return [what, ...cells, times('limit').toFixed(2), rival === undefined ? '' : `${times(rival).toFixed(1)} (${goal})`];
  });
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`.replaceAll('|  |', '| |')).join('\n');
}

/**
 * Median, lowest and highest speed, then processor time.
 * @param {Record<string, number>[]} costs
 * @param {number} bytes
 */
function cell(costs, bytes) {
  const speeds = costs.map(({ seconds = Number.NaN }) => bytes / seconds / 1e9);
  const cpu = costs.flatMap((cost) => (cost.cpu === undefined ? [] : [cost.cpu]));
  const range = speeds.length > 1 ? ` (${Math.min(...speeds).toFixed(2)}–${Math.max(...speeds).toFixed(2)})` : '';
  return `${median(speeds).toFixed(2)}${range}${cpu.length > 0 ? `, ${median(cpu).toFixed(1)} s` : ''}`;
}

/** @param {Record<string, Record<string, number>>} round @param {string} name */
function seconds(round, name) {
  return round[name]?.seconds ?? Number.NaN;
}
