import type { BackupCounters } from '../../model/counters.ts';
import type { BackupStats } from '../../model/reports.ts';
import type { Command } from '../command.ts';
import { fieldsOption } from '../options/fields-option.ts';
import { text } from '../options/option-values.ts';
import { parseWhole } from '../options/parse-values.ts';
import { chooseColumns, toTable } from '../output/select-fields.ts';
import type { Column } from '../output/table-data.ts';

const COLUMNS: Column<BackupStats>[] = [
  { name: 'date', kind: 'date', align: 'center', value: (stats) => stats.date },
  { name: 'uid', kind: 'text', align: 'center', value: (stats) => stats.versionUid },
  { name: 'name', kind: 'text', align: 'left', value: (stats) => stats.name },
  { name: 'size bytes', kind: 'bytes', align: 'right', value: (stats) => stats.sizeBytes },
  { name: 'size blocks', kind: 'number', align: 'right', value: (stats) => stats.size },
  counter('bytes read', 'bytesRead'),
  counter('blocks read', 'blocksRead'),
  counter('bytes written', 'bytesWritten'),
  counter('blocks written', 'blocksWritten'),
  counter('bytes dedup', 'bytesDedup'),
  counter('blocks dedup', 'blocksDedup'),
  counter('bytes sparse', 'bytesSparse'),
  counter('blocks sparse', 'blocksSparse'),
  counter('duration (s)', 'durationSeconds'),
];

export const statsCommand: Command = {
  name: 'stats',
  isShort: true,
  description: 'Show statistics of backups.',
  args: [['[version_uid]', 'show only backups of this version, even if it was removed']],
  options: [fieldsOption(COLUMNS), ['-l, --limit <number>', 'show only the newest NUMBER backups [all]']],
  prepare({ args: [versionUid], options }) {
    const columns = chooseColumns(COLUMNS, text(options.fields));
    const given = text(options.limit);
    const limit = given === undefined ? undefined : parseWhole(given, '-l');
    const isAll = limit !== undefined && limit < 0;
    return async ({ backy, warn }) => {
      // As in the original, a negative number means no limit.
      if (isAll) warn(`-l ${limit} is negative: all backups are shown.`);
      return { table: toTable(await backy.stats({ versionUid, limit: isAll ? undefined : limit }), columns) };
    };
  },
};

function counter(name: string, key: keyof BackupCounters): Column<BackupStats> {
  return { name, kind: name.startsWith('bytes') ? 'bytes' : 'number', align: 'right', value: ({ counters }) => counters[key] };
}
