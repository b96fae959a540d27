/** The work of a backup, summed over all its runs if it was resumed. */
export interface BackupCounters {
  bytesRead: number;
  blocksRead: number;
  bytesWritten: number;
  blocksWritten: number;
  bytesDedup: number;
  blocksDedup: number;
  bytesSparse: number;
  blocksSparse: number;
  durationSeconds: number;
}

/** Counters at the start of a backup. */
export const NO_COUNTS: BackupCounters = {
  bytesRead: 0,
  blocksRead: 0,
  bytesWritten: 0,
  blocksWritten: 0,
  bytesDedup: 0,
  blocksDedup: 0,
  bytesSparse: 0,
  blocksSparse: 0,
  durationSeconds: 0,
};

/** The sum of two sets of counters. */
export function addCounters(a: BackupCounters, b: Partial<BackupCounters>): BackupCounters {
  const sum = { ...a };
  for (const key of Object.keys(NO_COUNTS) as (keyof BackupCounters)[]) sum[key] += b[key] ?? 0;
  return sum;
}
