import type { Settings } from '../context.ts';

/** A thread takes 25 to 40 ms to start, and about twice as long to hash and write this. */
const BYTES_A_WORKER = 32 * 1024 ** 2;

/**
 * Threads to move `bytes` with: the configured number, or one for each 32 MiB, up to the number of
 * CPUs.
 */
export function workersFor({ workers, cpus }: Pick<Settings, 'workers' | 'cpus'>, bytes: number): number {
  return workers ?? Math.max(1, Math.min(cpus, Math.ceil(bytes / BYTES_A_WORKER)));
}
