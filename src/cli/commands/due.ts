import type { DueBackup } from '../../core/reports/due.ts';
import type { Command } from '../command.ts';
import { fieldsOption } from '../options/fields-option.ts';
import { text } from '../options/option-values.ts';
import { readSchedulerNames } from '../options/scheduler-names.ts';
import { chooseColumns, toTable } from '../output/select-fields.ts';
import type { Column } from '../output/table-data.ts';

const COLUMNS: Column<DueBackup>[] = [
  { name: 'name', kind: 'text', align: 'left', value: (row) => row.name },
  { name: 'schedulers', kind: 'list', align: 'left', value: (row) => row.schedulers },
  { name: 'expire_date', kind: 'date', align: 'center', value: (row) => row.expireDate },
  { name: 'due_since', kind: 'date', align: 'center', value: (row) => row.dueSince },
];

export const dueCommand: Command = {
  name: 'due',
  isShort: true,
  description: 'List due backups.',
  args: [['[name]', 'check only this name, even if it was never backed up']],
  options: [
    ['-s, --schedulers <schedulers>', 'check these schedulers, comma separated [default_schedulers]'],
    fieldsOption(COLUMNS),
  ],
  async prepare({ args: [name], options }, config) {
    const columns = chooseColumns(COLUMNS, text(options.fields));
    const schedulers = await readSchedulerNames(text(options.schedulers), config);
    return async ({ backy }) => ({ table: toTable(await backy.due({ name, schedulers }), columns) });
  },
};
