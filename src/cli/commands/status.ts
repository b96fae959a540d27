import type { NameStatus } from '../../core/monitor/name-status.ts';
import { compareStates, PLUGIN_CODES, type Problem, type State } from '../../core/monitor/state.ts';
import type { StatusReport } from '../../core/monitor/status.ts';
import type { Command } from '../command.ts';
import { fieldsOption } from '../options/fields-option.ts';
import { flag, text } from '../options/option-values.ts';
import { chooseColumns, toTable } from '../output/select-fields.ts';
import { failureLine, statusLine } from '../output/status-line.ts';
import type { Cell, Column } from '../output/table-data.ts';

/** A name, or a problem of the installation. */
interface Row {
  state: State;
  status?: NameStatus;
  problems: readonly Problem[];
}

const COLUMNS: Column<Row>[] = [
  { name: 'state', kind: 'text', align: 'left', value: ({ state }) => state },
  of('name', 'text', ({ name }) => name),
  of('newest', 'date', ({ newest }) => newest?.date ?? null),
  of('age', 'text', ({ ageSeconds }) => (ageSeconds === null ? null : ageText(ageSeconds))),
  of('next_due', 'date', ({ nextDue }) => nextDue),
  { name: 'problem', kind: 'text', align: 'left', value: ({ problems }) => problemText(problems) },
  { ...of('jobs', 'list', ({ jobs }) => jobs), extra: true },
  { ...of('schedulers', 'list', ({ schedulers }) => schedulers), extra: true },
  { ...of('uid', 'text', ({ newest }) => newest?.uid ?? null), extra: true },
  { ...of('size_bytes', 'bytes', ({ newest }) => newest?.sizeBytes ?? null), extra: true },
  { ...of('age_seconds', 'number', ({ ageSeconds }) => ageSeconds), extra: true },
  { ...of('deadline', 'date', ({ deadline }) => deadline), extra: true },
  { ...of('versions', 'number', ({ versions }) => versions), extra: true },
  { ...of('invalid', 'number', ({ invalid }) => invalid), extra: true },
  { ...of('damaged', 'list', ({ damaged }) => damaged), extra: true },
  { ...of('bad_blocks', 'number', ({ badBlocks }) => badBlocks), extra: true },
  { ...of('last_failure', 'date', ({ lastProblem }) => lastProblem?.date ?? null), extra: true },
  {
    ...{ name: 'problems', kind: 'list', align: 'left', extra: true },
    value: ({ problems }) => problems.map((problem) => problem.text),
  },
];

export const statusCommand: Command = {
  name: 'status',
  isShort: true,
  description: 'Show how the backups of each name are.',
  args: [['[name]', 'show only this name, even if it was never backed up']],
  options: [['--check', 'print one line, for a monitoring system'], fieldsOption(COLUMNS)],
  examples: [
    ['backy2 status', 'Lists all names, the worst first. Exits with 0, 1, 2 or 3.'],
    ['backy2 status --check', 'Prints one line, as a monitoring plugin does.'],
  ],
  asItIs: () => true,
  isPlugin: () => true,
  isQuiet: ({ options }) => flag(options.check),
  failureLine: ({ options }, message) => (flag(options.check) ? failureLine(message) : undefined),
  prepare({ args: [name], options }) {
    const columns = chooseColumns(COLUMNS, text(options.fields));
    return async ({ backy }) => {
      const report = await backy.status(name);
      const table = toTable(rowsOf(report), columns);
      const exitCode = PLUGIN_CODES[report.state];
      if (!flag(options.check)) return { table, exitCode, isVerdict: true };
      const line = statusLine(report);
      return { result: { line, state: report.state }, text: once(`${line}\n`), exitCode, isVerdict: true };
    };
  },
};

function of(name: string, kind: Column<Row>['kind'], value: (status: NameStatus) => Cell): Column<Row> {
  const align = kind === 'date' ? 'center' : kind === 'number' || kind === 'bytes' || name === 'age' ? 'right' : 'left';
  return { name, kind, align, value: ({ status }) => (status === undefined ? null : value(status)) };
}

/** Problems of the installation stand before names of the same state. */
function rowsOf({ names, problems }: StatusReport): Row[] {
  const rows: Row[] = problems.map((problem) => ({ state: problem.state, problems: [problem] }));
  rows.push(...names.map((status) => ({ state: status.state, status, problems: status.problems })));
  return rows.sort((a, b) => compareStates(a.state, b.state));
}

function problemText([first, ...more]: readonly Problem[]): string | null {
  if (first === undefined) return null;
  return more.length === 0 ? first.text : `${first.text} (and ${more.length} more)`;
}

/** Rounded down to `95m`, `26h` or `3d`. */
function ageText(seconds: number): string {
  if (seconds < 2 * 3600) return `${Math.floor(seconds / 60)}m`;
  return seconds < 2 * 86_400 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}

async function* once(line: string): AsyncIterable<string> {
  yield line;
}
