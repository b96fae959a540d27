import type { RunRecord } from '../../model/run-record.ts';
import type { Context } from '../context.ts';
import { holding } from '../versions/locks.ts';
import { finished, settled } from './job-record.ts';
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
export async function settleDead(context: Context, name: string, problem?: string | null): Promise<void> {
  const lock = await context.locks.tryAcquire(jobLock(name), 'exclusive');
  if (lock === undefined) return;
  await holding([async () => lock], async () => {
    const { meta, now } = context;
    const record = await meta.findRunRecord({ kind: 'job', name });
    if (record === undefined || record.ended !== null) return;
    const versions = await meta.listVersions({ name });
    const isMade = record.hook === null && versions.some(({ valid, date }) => valid && date >= record.started);
    if (isMade) await meta.putRunRecord(finished(record, { exitCode: 0, problem: null }, now()));
    else await meta.putRunRecord(problem ? { ...settled(record), ended: now(), problem } : settled(record));
  });
}
