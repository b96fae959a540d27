import type { RemovedVersion } from '../../core/catalogue/removed-versions.ts';
import { BackyError } from '../../errors.ts';
import type { Action, Command } from '../command.ts';
import { flag } from '../options/option-values.ts';
import { toTable } from '../output/select-fields.ts';
import type { Column } from '../output/table-data.ts';

const COLUMNS: Column<RemovedVersion>[] = [
  { name: 'removed', kind: 'date', align: 'center', value: ({ removed }) => removed },
  { name: 'until', kind: 'date', align: 'center', value: ({ until }) => until },
  { name: 'date', kind: 'date', align: 'center', value: ({ date }) => date },
  { name: 'name', kind: 'text', align: 'left', value: ({ name }) => name },
  { name: 'size_bytes', kind: 'bytes', align: 'right', value: ({ sizeBytes }) => sizeBytes },
  { name: 'uid', kind: 'text', align: 'center', value: ({ uid }) => uid },
];

export const undeleteCommand: Command = {
  name: 'undelete',
  description: 'Bring a removed version back, unless cleanup has taken it.',
  changesVersions: true,
  args: [['<version_uid>', 'the removed version']],
  options: [['-l, --list', 'list the removed versions that can come back, and until when']],
  optionalWith: { option: 'list', argument: 0 },
  examples: [
    ['backy2 undelete -l', 'Lists what can come back. After "until", the next cleanup takes it.'],
    ['backy2 undelete UID', 'Brings a version back as it was.'],
  ],
  checkUsage({ args, options }) {
    if (flag(options.list) && args.length > 0) throw new BackyError('usage', '--list takes no version.');
  },
  prepare({ args: [uid = ''], options }) {
    if (flag(options.list)) return async ({ backy }) => ({ table: toTable(await backy.removedVersions(), COLUMNS) });
    return bringBack(uid);
  },
};

function bringBack(uid: string): Action {
  return async ({ backy }) => {
    const version = await backy.undelete(uid);
    return { result: { ...version }, machineLines: [version.uid] };
  };
}
