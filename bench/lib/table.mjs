/**
 * A measured row. `atLeast` or `atMost` is the required ratio; without either the row is for
 * comparison only.
 * @typedef {{ name: string, what: string, unit: string, ours: number, limit: number, ratio: number,
 *   ratios?: number[], atLeast?: number, atMost?: number }} Row
 */

const HEADER = ['bench', 'what', 'ours', 'limit', 'unit', 'ratio', 'required', ''];

/** @param {Row} row */
export function isMissed({ ratio, atLeast, atMost }) {
  if (Number.isNaN(ratio)) return atLeast !== undefined || atMost !== undefined;
  return (atLeast !== undefined && ratio < atLeast) || (atMost !== undefined && ratio > atMost);
}

/** One line, for following a run. @param {Row} row */
export function renderRow(row) {
  return cells(row).join('  ');
}

/** @param {Row[]} rows */
export function renderTable(rows) {
  const lines = [HEADER, ...rows.map(cells)];
  const widths = HEADER.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      line.map((cell, column) => (column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  '),
    )
    .join('\n');
}

/** @param {Row} row */
function cells(row) {
  const { atLeast, atMost } = row;
  const required = atLeast !== undefined ? `>= ${atLeast.toFixed(2)}` : atMost !== undefined ? `<= ${atMost.toFixed(2)}` : '-';
  const verdict = required === '-' ? '' : isMissed(row) ? 'MISSED' : 'ok';
  return [row.name, row.what, figure(row.ours), figure(row.limit), row.unit, row.ratio.toFixed(2), required, verdict];
}

/** @param {number} value */
function figure(value) {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
