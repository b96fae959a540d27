import type { Breach } from '../../core/reports/sla.ts';
import type { Command } from '../command.ts';
import { fieldsOption } from '../options/fields-option.ts';
import { text } from '../options/option-values.ts';
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
  options: [['-s, --schedulers <schedulers>', 'check these schedulers, comma separated [sla_schedulers]'], fieldsOption(COLUMNS)],
  async prepare({ args: [name], options }, config) {
    const columns = chooseColumns(COLUMNS, text(options.fields));
    const schedulers = await readSchedulerNames(text(options.schedulers), config);
    return async ({ backy }) => ({ table: toTable(await backy.sla({ name, schedulers }), columns) });
  },
};
