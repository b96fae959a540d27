import type { VersionUsage } from '../../core/reports/du.ts';
import type { DiskUsage } from '../../model/reports.ts';
import type { Command } from '../command.ts';
import { fieldsOption } from '../options/fields-option.ts';
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
  description: 'Show disk usage of versions.',
  args: [['[version_uid]', 'show only this version']],
  options: [fieldsOption(COLUMNS)],
  prepare({ args: [uid], options }) {
    const columns = chooseColumns(COLUMNS, text(options.fields));
    return async ({ backy }) => ({ table: toTable(await backy.du(uid), columns) });
  },
};

function bytes(name: string, key: keyof DiskUsage): Column<VersionUsage> {
  return { name, kind: 'bytes', align: 'right', value: (usage) => usage[key] };
}
