import type { Settings } from '../context.ts';

/** What makes a thread worth its start: it hashes and writes this in about twice the processor time of its start, 25 to 40 ms. */
const BYTES_A_WORKER = 32 * 1024 ** 2;

/** How many threads move `bytes` bytes: what is configured, else one for each 32 MiB, up to one a CPU. 1 or more. */
export function workersFor({ workers, cpus }: Pick<Settings, 'workers' | 'cpus'>, bytes: number): number {
  return workers ?? Math.max(1, Math.min(cpus, Math.ceil(bytes / BYTES_A_WORKER)));
}
