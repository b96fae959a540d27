import type { StorageStep } from '../../core/upkeep/storage-step.ts';
import { EXIT_CODES } from '../../errors.ts';
import type { Command } from '../command.ts';
import { fieldsOption } from '../options/fields-option.ts';
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
  description: 'Test the data backend and measure its speed.',
  args: [],
  options: [fieldsOption(COLUMNS)],
  examples: [['backy2 check-storage', 'Writes, reads, lists and deletes a few blobs, and times each step.']],
  needsDatabase: false,
  prepare({ options }) {
    const columns = chooseColumns(COLUMNS, text(options.fields));
    return async ({ backy }) => {
      const steps = await backy.checkStorage();
      const isBad = steps.some(({ problem }) => problem !== null);
      return { table: toTable(steps, columns), exitCode: isBad ? EXIT_CODES.failed : 0 };
    };
  },
};

/** Megabytes a second; null if no block moved. */
function speed(bytes: number, seconds: number): number | null {
  return bytes === 0 ? null : rounded(bytes / seconds / 1e6);
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
