import type { RunRecord } from '../../model/run-record.ts';
import type { Context } from '../context.ts';
import { holding } from '../versions/locks.ts';
import { type Attempt, begun, finished, settled } from './job-record.ts';
import { jobLock } from './job-turn.ts';

/** Where an attempt stands whose record has no end. */
interface OpenAttempts {
  /** Names that a process works on. */
  running: Set<string>;
  /** Names whose process died. */
  dead: string[];
}

/** Sorts attempts without an end: a process that lives holds the lock of its name. */
export async function openAttempts({ locks }: Pick<Context, 'locks'>, records: readonly RunRecord[]): Promise<OpenAttempts> {
  const found: OpenAttempts = { running: new Set(), dead: [] };
  for (const record of records) {
    if (record.kind !== 'job' || record.ended !== null) continue;
    if (await locks.isHeld(jobLock(record.name))) found.running.add(record.name);
    else found.dead.push(record.name);
  }
  return found;
}

/**
 * Records how an attempt ended whose process died: with a failure, unless its version is valid and
 * no `after` is left to run. Does nothing while a process works on that name.
 */
export function settleDead(context: Context, name: string): Promise<void> {
  return withRecord(context, name, async (record) => {
    if (record?.ended === null) await settle(context, record);
  });
}

/**
 * Records how an attempt of this run failed, unless its process did so: it may have been killed, or
 * have failed before it could begin. One that was stopped then has not failed.
 */
export function settleFailed(
  context: Context,
  attempt: Attempt,
  end: { exitCode: number; problem: string | null },
): Promise<void> {
  return withRecord(context, attempt.name, async (record) => {
    if (record?.ended === null) return settle(context, record, end.problem);
    const isRecorded = record !== undefined && record.started.getTime() >= Math.floor(attempt.now.getTime() / 1000) * 1000;
    if (!isRecorded && !context.signal.aborted)
      await context.meta.putRunRecord(finished(begun(record, attempt), end, context.now()));
  });
}

/** Does nothing while a process works on that name. */
async function withRecord(
  { locks, meta }: Context,
  name: string,
  work: (record: RunRecord | undefined) => Promise<void>,
): Promise<void> {
  const lock = await locks.tryAcquire(jobLock(name), 'exclusive');
  if (lock === undefined) return;
  await holding([async () => lock], async () => work(await meta.findRunRecord({ kind: 'job', name })));
}

async function settle({ meta, now }: Context, record: RunRecord, problem?: string | null): Promise<void> {
  const versions = await meta.listVersions({ name: record.name });
  const isMade = record.hook === null && versions.some(({ valid, date }) => valid && date >= record.started);
  if (isMade) await meta.putRunRecord(finished(record, { exitCode: 0, problem: null }, now()));
  else await meta.putRunRecord(problem ? { ...settled(record), ended: now(), problem } : settled(record));
}
