import { createHash } from 'node:crypto';

/** The lock that a job holds while it works on a name. It may run on any host. */
export function jobLockName(name: string): string {
  return `backy-job-${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;
}
