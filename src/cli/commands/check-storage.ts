import type { StorageStep } from '../../core/upkeep/check-storage.ts';
import { BackyError } from '../../errors.ts';
import type { Command } from '../command.ts';
import { text } from '../options/option-values.ts';
import { chooseColumns, toTable } from '../output/select-fields.ts';
import type { Column } from '../output/table-data.ts';

const COLUMNS: Column<StorageStep>[] = [
  { name: 'step', kind: 'text', align: 'left', value: ({ step }) => step },
  { name: 'in_flight', kind: 'number', align: 'right', value: ({ inFlight }) => inFlight },
  { name: 'requests', kind: 'number', align: 'right', value: ({ requests }) => requests },
  { name: 'bytes', kind: 'bytes', align: 'right', value: ({ bytes }) => bytes },
  { name: 'ms_per_request', kind: 'number', align: 'right', value: ({ msPerRequest }) => rounded(msPerRequest) },
  { name: 'mb_per_second', kind: 'number', align: 'right', value: ({ bytes, seconds }) => speed(bytes, seconds) },
  { name: 'problem', kind: 'text', align: 'left', value: ({ problem }) => problem },
];

export const checkStorageCommand: Command = {
  name: 'check-storage',
  description: 'Try out whether the data backend works, and how fast it is, with test blobs that are deleted again.',
  args: [],
  options: [['-f, --fields <fields>', `columns, comma separated: ${COLUMNS.map((column) => column.name).join(',')}`]],
  examples: [['backy2 check-storage', 'Writes, reads, lists and deletes a few blobs, and says how long each took.']],
  needsDatabase: false,
  async run({ options, backy }) {
    const columns = chooseColumns(COLUMNS, text(options.fields));
    const steps = await backy.checkStorage();
    const isBad = steps.some(({ problem }) => problem !== null);
    return { table: toTable(steps, columns), exitCode: isBad ? new BackyError('failed', '').exitCode : 0 };
  },
};

/** Null where no block moved. */
function speed(bytes: number, seconds: number): number | null {
  return bytes === 0 ? null : rounded(bytes / seconds / 1e6);
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
