import type { State } from '../../core/monitor/state.ts';
import type { StatusReport } from '../../core/monitor/status.ts';
import { printable } from './printable.ts';

/** Problems that the line quotes. */
const QUOTED = 3;
const COUNTED: readonly State[] = ['critical', 'unknown', 'warning', 'ok'];

/**
 * The line of a monitoring plugin: the state, counts of names, the worst problems, and behind `|`
 * numbers for graphs.
 */
export function statusLine({ state, names, problems }: StatusReport): string {
  const counts = COUNTED.map((one) => [one, names.filter((name) => name.state === one).length] as const);
  const shown = counts.filter(([one, count]) => count > 0 && one !== 'ok').map(([one, count]) => `${count} ${one}`);
  const all = [
    ...problems.map((problem) => problem.text),
    ...names.flatMap(({ name, problems: [first] }) => (first === undefined ? [] : [`${name}: ${first.text}`])),
  ];
  const quoted = all.slice(0, QUOTED).map((text) => plain(text));
  const more = all.length > QUOTED ? [`and ${all.length - QUOTED} more`] : [];
  const summary = [`${[...shown, `${names.length} names`].join(', ')}`, ...quoted, ...more].join('; ');
  const numbers = [`names=${names.length}`, ...counts.map(([one, count]) => `${one}=${count}`), `problems=${problems.length}`];
  return `BACKY2 ${state.toUpperCase()} - ${summary} | ${numbers.join(' ')}`;
}

/** The same for a command that failed. */
export function failureLine(message: string): string {
  return `BACKY2 UNKNOWN - ${plain(message)}`;
}

/** A vertical bar would begin the numbers. */
function plain(text: string): string {
  return printable(text).replaceAll('|', '/');
}
