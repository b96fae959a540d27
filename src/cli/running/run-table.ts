import type { RunRow } from '../../core/run/executor.ts';
import type { Column } from '../output/table-data.ts';

/** The columns of `run` and `job`. */
export const RUN_COLUMNS: Column<RunRow>[] = [
  { name: 'name', kind: 'text', align: 'left', value: ({ name }) => name },
  { name: 'kind', kind: 'text', align: 'left', value: ({ kind }) => kind },
  { name: 'job', kind: 'text', align: 'left', value: ({ job }) => job },
  { name: 'state', kind: 'text', align: 'left', value: ({ state }) => state },
  { name: 'uid', kind: 'text', align: 'center', value: ({ uid }) => uid },
  { name: 'started', kind: 'date', align: 'center', value: ({ started }) => started },
  { name: 'duration_seconds', kind: 'number', align: 'right', value: ({ durationSeconds }) => whole(durationSeconds) },
  { name: 'bytes_read', kind: 'bytes', align: 'right', value: ({ bytesRead }) => bytesRead },
  { name: 'bytes_written', kind: 'bytes', align: 'right', value: ({ bytesWritten }) => bytesWritten },
  { name: 'exit_code', kind: 'number', align: 'right', value: ({ exitCode }) => exitCode },
  { name: 'problem', kind: 'text', align: 'left', value: ({ problem }) => problem },
];

function whole(seconds: number | null): number | null {
  return seconds === null ? null : Math.round(seconds);
}

/** One line about all rows. */
export function summaryOf(rows: readonly RunRow[]): string {
  const [jobs, steps] = (['job', 'step'] as const).map((kind) => countsOf(rows.filter((row) => row.kind === kind)));
  return steps === '' ? `Backups: ${jobs || 'none due'}.` : `Backups: ${jobs || 'none due'}. Upkeep: ${steps}.`;
}

const STATES = ['done', 'failed', 'busy', 'waits', 'not due'] as const;

function countsOf(rows: readonly RunRow[]): string {
  const counts = STATES.map((state) => ({ state, count: rows.filter((row) => row.state === state).length }));
  const there = counts.filter(({ count }) => count > 0);
  return there.map(({ state, count }) => `${count} ${state}`).join(', ');
}
