import type { RunRecord } from '../../model/run-record.ts';
import type { Context } from '../context.ts';
import { plusSeconds } from '../reports/schedulers.ts';
import { holding } from '../versions/locks.ts';
import { jobLock } from './job-turn.ts';
import type { PlannedBackup } from './planner.ts';

/** Days that records of other hosts stay: their configurations may have jobs that ours lacks. */
const OTHERS_DAYS = 35;

/** A job that can't be run. */
interface BrokenJob {
  name: string;
  job: string;
  host: string;
  now: Date;
  problem: string;
}

/**
 * Records that a job can't be run, so that it is reported. It is no attempt, and so counts as one
 * failure however often: once the configuration is right, nothing waits.
 */
export async function recordBroken({ meta, locks }: Context, { name, job, host, now, problem }: BrokenJob): Promise<void> {
  const lock = await locks.tryAcquire(jobLock(name), 'exclusive');
  // A process that was begun before still works.
  if (lock === undefined) return;
  await holding([async () => lock], async () => {
    const before = await meta.findRunRecord({ kind: 'job', name });
    if (before?.problem === problem && before.exitCode === 1 && before.failures > 0) return;
    const { succeeded = null, hook = null } = before ?? {};
    await meta.putRunRecord({
      ...{ kind: 'job', name, job, host: before?.host ?? host, started: now, ended: now, succeeded, failures: 1 },
      ...{ exitCode: 1, problem, reported: null, hook },
    });
  });
}

/**
 * Forgets records of names that no job has any more. Those with a reported problem stay until it is
 * reported that it is over. The images of a job that is broken are not known: their records stay.
 * So do those of other hosts, unless these made no attempt for {@link OTHERS_DAYS}.
 */
export async function forgetOldRecords(
  { meta, logger, now }: Context,
  { plan, records, host }: { plan: readonly PlannedBackup[]; records: readonly RunRecord[]; host: string },
): Promise<void> {
  const names = new Set(plan.map(({ name }) => name));
  const unknown = new Set(plan.filter(({ state }) => state === 'broken').map(({ job }) => job));
  const longAgo = plusSeconds(now(), -OTHERS_DAYS * 86_400);
  const isOurs = (record: RunRecord) => record.host === host || record.started < longAgo;
  const old = records.filter(
    (record) =>
      record.kind === 'job' && record.ended !== null && isOurs(record) && !names.has(record.name) && !unknown.has(record.job),
  );
  for (const { name, job, hook } of old)
    if (hook !== null) logger.warning(`No job backs up ${name} any more. The "after" of job ${job} did not run.`);
  for (const record of old)
    if (record.reported !== null && record.failures > 0)
      await meta.putRunRecord({ ...record, ended: now(), failures: 0, problem: null, hook: null });
  await meta.forgetRunRecords(old.filter(({ reported }) => reported === null));
}
