import { EXIT_CODES } from '../../errors.ts';
import type { RunRow } from './executor.ts';

/** The exit code of a run: 20 if data is bad, else that of the first failure, else 0. */
export function exitCodeOf(rows: readonly Pick<RunRow, 'exitCode'>[]): number {
  const codes = rows.map(({ exitCode }) => exitCode);
  return codes.includes(EXIT_CODES.blocksBad) ? EXIT_CODES.blocksBad : (codes.find((code) => code !== 0) ?? 0);
}
