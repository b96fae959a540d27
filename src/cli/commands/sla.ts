import type { Breach } from '../../core/reports/sla.ts';
import type { Command } from '../command.ts';
import { text } from '../options/option-values.ts';
import { chooseColumns, toTable } from '../output/select-fields.ts';
import type { Column } from '../output/table-data.ts';

const COLUMNS: Column<Breach>[] = [
  { name: 'name', kind: 'text', align: 'left', value: (row) => row.name },
  { name: 'breach', kind: 'text', align: 'left', value: (row) => row.breach },
];

export const slaCommand: Command = {
  name: 'sla',
  description: 'List where backups are not as the schedulers of the config file want them.',
  args: [['[name]', 'only this name, which may be one that was never backed up']],
  options: [
    ['-s, --schedulers <schedulers>', 'schedulers, comma separated, instead of those of sla_schedulers'],
    ['-f, --fields <fields>', `columns, comma separated: ${COLUMNS.map((column) => column.name).join(',')}`],
  ],
  async run({ args: [name], options, backy }) {
    const columns = chooseColumns(COLUMNS, text(options.fields));
    const { parseNames } = await import('../options/parse-tags.ts');
    const rows = await backy.sla({ name, schedulers: parseNames(text(options.schedulers)) });
    return { table: toTable(rows, columns) };
  },
};
