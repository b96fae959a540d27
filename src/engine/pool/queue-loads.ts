/** How full a pool is, as shares from 0 to 1 of all slots that may read or write. */
export interface QueueLoads {
  /** Jobs that read, or wait for a read or for their checksums. */
  read: number;
  /** Jobs that write. */
  write: number;
}

/**
 * The loads of a pool whose workers hold `jobs` jobs. More jobs than `slots` count as full.
 * `writing`: see write-count.ts.
 */
export function queueLoads(writing: SharedArrayBuffer, jobs: number, slots: number): QueueLoads {
  const writes = new Int32Array(writing).reduce((sum, count) => sum + count, 0);
  return { read: share(Math.min(jobs, slots) - writes, slots), write: share(writes, slots) };
}

function share(count: number, slots: number): number {
  return Math.max(0, Math.min(1, count / slots));
}
