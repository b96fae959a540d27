import type { VersionUsage } from '../../core/reports/du.ts';
import type { DiskUsage } from '../../model/reports.ts';
import type { Command } from '../command.ts';
import { text } from '../options/option-values.ts';
import { chooseColumns, toTable } from '../output/select-fields.ts';
import type { Column } from '../output/table-data.ts';

const COLUMNS: Column<VersionUsage>[] = [
  bytes('Real', 'real'),
  bytes('Null', 'sparse'),
  bytes('Dedup Own', 'dedupOwn'),
  bytes('Dedup Others', 'dedupOthers'),
  bytes('Individual', 'individual'),
  bytes('Est. Space', 'estimated'),
  bytes('Est. Space freed', 'freed'),
  { name: 'uid', kind: 'text', align: 'center', extra: true, value: ({ version }) => version.uid },
  { name: 'name', kind: 'text', align: 'left', extra: true, value: ({ version }) => version.name },
  { name: 'date', kind: 'date', align: 'center', extra: true, value: ({ version }) => version.date },
];

export const duCommand: Command = {
  name: 'du',
  description: 'Show how much space versions take, and share.',
  args: [['[version_uid]', 'only this version']],
  options: [
    [
      '-f, --fields <fields>',
      `columns, comma separated: ${COLUMNS.map((column) => column.name).join(',')} (uid, name and date only when named)`,
    ],
  ],
  async run({ args: [uid], options, backy }) {
    const columns = chooseColumns(COLUMNS, text(options.fields));
    return { table: toTable(await backy.du(uid), columns) };
  },
};

function bytes(name: string, key: keyof DiskUsage): Column<VersionUsage> {
  return { name, kind: 'bytes', align: 'right', value: (usage) => usage[key] };
}
