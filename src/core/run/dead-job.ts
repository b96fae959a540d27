import { hostname } from 'node:os';
import type { Context } from '../context.ts';
import type { JobItem, JobOutcome } from './executor.ts';
import { begun, finished, recordOf } from './job-record.ts';

/**
 * Records that the process of a job died before it could do so itself. What it owes, it still owes.
 */
export async function noteDeadJob({ meta, now }: Context, { job, name }: JobItem, outcome: JobOutcome): Promise<void> {
  const known = await recordOf(meta, { kind: 'job', name });
  const attempt = { kind: 'job', name, job: job.key, host: hostname(), now: now() } as const;
  const record = known?.ended === null ? known : begun(known, attempt);
  await meta.putRunRecord(finished(record, outcome, now()));
}
