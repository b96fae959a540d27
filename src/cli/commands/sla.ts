import { PLUGIN_CODES, type State, worstOf } from '../../core/monitor/state.ts';
import type { Breach } from '../../core/reports/sla.ts';
import type { Command } from '../command.ts';
import { fieldsOption } from '../options/fields-option.ts';
import { flag, text } from '../options/option-values.ts';
import { readSchedulerNames } from '../options/scheduler-names.ts';
import { chooseColumns, toTable } from '../output/select-fields.ts';
import type { Column } from '../output/table-data.ts';

const COLUMNS: Column<Breach>[] = [
  { name: 'name', kind: 'text', align: 'left', value: (row) => row.name },
  { name: 'breach', kind: 'text', align: 'left', value: (row) => row.breach },
];

export const slaCommand: Command = {
  name: 'sla',
  isShort: true,
  description: 'List SLA breaches.',
  args: [['[name]', 'check only this name, even if it was never backed up']],
  options: [
    ['-s, --schedulers <schedulers>', 'check these schedulers, comma separated [sla_schedulers]'],
    ['--check', 'exit as a monitoring plugin: 0, 1 (warning), 2 (critical) or 3'],
    fieldsOption(COLUMNS),
  ],
  isPlugin: (words) => words.some((word) => word.length > 2 && '--check'.startsWith(word)),
  async prepare({ args: [name], options }, config) {
    const columns = chooseColumns(COLUMNS, text(options.fields));
    const schedulers = await readSchedulerNames(text(options.schedulers), config);
    return async ({ backy }) => {
      const breaches = await backy.sla({ name, schedulers });
      const table = toTable(breaches, columns);
      if (!flag(options.check)) return { table };
      return { table, exitCode: PLUGIN_CODES[worstOf(breaches.map(stateOf))], isVerdict: true };
    };
  },
};

/** Breaches that mean too few backups now are critical. */
function stateOf({ kind }: Breach): State {
  return kind === 'latest_too_old' || kind === 'too_few' ? 'critical' : 'warning';
}
