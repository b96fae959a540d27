import type { DueBackup } from '../../core/reports/due.ts';
import type { Command } from '../command.ts';
import { text } from '../options/option-values.ts';
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
  description: 'List the backups that are to be made, by the schedulers of the config file.',
  args: [['[name]', 'only this name, which may be one that was never backed up']],
  options: [
    ['-s, --schedulers <schedulers>', 'schedulers, comma separated, instead of those of default_schedulers'],
    ['-f, --fields <fields>', `columns, comma separated: ${COLUMNS.map((column) => column.name).join(',')}`],
  ],
  async run({ args: [name], options, backy }) {
    const columns = chooseColumns(COLUMNS, text(options.fields));
    const { parseNames } = await import('../options/parse-tags.ts');
    const rows = await backy.due({ name, schedulers: parseNames(text(options.schedulers)) });
    return { table: toTable(rows, columns) };
  },
};
