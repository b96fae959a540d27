import type { TaggedVersion } from '../../model/version.ts';
import type { Command } from '../command.ts';
import { fieldsOption } from '../options/fields-option.ts';
import { FROM_STORE } from '../options/from-store.ts';
import { filledText, flag, text } from '../options/option-values.ts';
import { chooseColumns, toTable } from '../output/select-fields.ts';
import type { Column } from '../output/table-data.ts';

const COLUMNS: Column<TaggedVersion>[] = [
  { name: 'date', kind: 'date', align: 'center', value: (version) => version.date },
  { name: 'name', kind: 'text', align: 'left', value: (version) => version.name },
  { name: 'snapshot_name', kind: 'text', align: 'left', value: (version) => version.snapshotName },
  { name: 'size', kind: 'number', align: 'right', value: (version) => version.size },
  { name: 'size_bytes', kind: 'bytes', align: 'right', value: (version) => version.sizeBytes },
  { name: 'uid', kind: 'text', align: 'center', value: (version) => version.uid },
  { name: 'valid', kind: 'flag', align: 'center', value: (version) => version.valid },
  { name: 'protected', kind: 'flag', align: 'center', value: (version) => version.protected },
  { name: 'tags', kind: 'list', align: 'left', value: (version) => version.tags },
  { name: 'expire', kind: 'date', align: 'center', value: (version) => version.expire },
];

export const lsCommand: Command = {
  name: 'ls',
  isShort: true,
  description: 'List versions.',
  args: [['[name]', 'list only versions of this name']],
  options: [
    ['-s, --snapshot-name <snapshot>', 'list only versions with this snapshot name'],
    ['-t, --tag <tag>', 'list only versions with this tag'],
    ['-e, --expired', 'list only expired versions'],
    FROM_STORE,
    fieldsOption(COLUMNS),
  ],
  examples: [
    ['backy2 -r ls web', 'Lists all versions of web, sizes with units.'],
    ['backy2 -ms ls -f uid -s monday web', 'Prints only the uid, for scripts.'],
    ['backy2 ls --from-store', 'Lists what the store has, without the database.'],
  ],
  fromStore: ({ options }) => (flag(options.fromStore) ? { kind: 'list' } : undefined),
  prepare({ args: [name], options }) {
    const columns = chooseColumns(COLUMNS, text(options.fields));
    const request = {
      name,
      snapshotName: filledText(options.snapshotName),
      tag: filledText(options.tag),
      expired: flag(options.expired),
    };
    return async ({ backy }) => ({ table: toTable(await backy.list(request), columns) });
  },
};
