import { isFromFuture } from '../../model/clock.ts';
import { toSecondsText } from '../../model/dates.ts';
import type { RunRecord } from '../../model/run-record.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { Context } from '../context.ts';
import { validByDate } from '../versions/valid-by-date.ts';
import type { FailedAttempt } from './name-status.ts';

const PAGE_ROWS = 10_000;

/** Invalid versions of a name, and its last attempt. */
export interface Attempts {
  /** Versions that were complete, and are not valid any more. */
  damaged: TaggedVersion[];
  /** Bad blocks of the newest of these. */
  badBlocks: number;
  lastProblem: FailedAttempt | null;
}

/** Finds out how the last backups ended. */
export class LastAttempts {
  readonly #context: Pick<Context, 'meta' | 'locks' | 'signal' | 'now'>;
  readonly #records: ReadonlyMap<string, RunRecord>;

  constructor(context: Pick<Context, 'meta' | 'locks' | 'signal' | 'now'>, records: readonly RunRecord[]) {
    this.#context = context;
    this.#records = new Map(records.filter(({ kind }) => kind === 'job').map((record) => [record.name, record]));
  }

  /** @param versions of this name, oldest first. */
  async of(name: string, versions: readonly TaggedVersion[]): Promise<Attempts> {
    const { locks, signal } = this.#context;
    const damaged: TaggedVersion[] = [];
    const unfinished: TaggedVersion[] = [];
    for (const version of versions) {
      signal.throwIfAborted();
      // A running backup or removal holds the version.
      if (version.valid || (await locks.isHeld(version.uid))) continue;
      ((await this.#wasComplete(version.uid)) ? damaged : unfinished).push(version);
    }
    const newestDamaged = damaged.at(-1);
    return {
      damaged,
      badBlocks: newestDamaged === undefined ? 0 : await this.#badBlocks(newestDamaged.uid),
      lastProblem: this.#lastProblem(name, versions, unfinished),
    };
  }

  /** Statistics are of the backup: an imported version has none, but may have bad blocks. */
  async #wasComplete(uid: string): Promise<boolean> {
    const { meta } = this.#context;
    if ((await meta.listStats({ versionUid: uid, limit: 1 })).length > 0) return true;
    return (await meta.badBlockPage(uid, -1, 1)).length > 0;
  }

  #lastProblem(name: string, versions: readonly TaggedVersion[], unfinished: readonly TaggedVersion[]): FailedAttempt | null {
    const now = this.#context.now();
    const since = validByDate(versions, now).at(-1)?.date ?? new Date(0);
    const record = this.#records.get(name);
    // By its end: an attempt fails too if the backup is made, but a command after it fails.
    const date = record === undefined ? since : (record.ended ?? record.started);
    if (record !== undefined && record.failures > 0 && date >= since)
      return { date, text: record.problem ?? 'The last attempt did not end.', failures: record.failures };
    const failed = unfinished.filter(({ date }) => date > since && !isFromFuture(date, now));
    const last = failed.at(-1);
    if (last === undefined) return null;
    const text = `The backup of ${toSecondsText(last.date)} did not finish (version ${last.uid}).`;
    return { date: last.date, text, failures: failed.length };
  }

  /** Reads the rows of the version, which takes about as long as a scrub needs to list them. */
  async #badBlocks(uid: string): Promise<number> {
    for (let count = 0, after = -1; ; ) {
      this.#context.signal.throwIfAborted();
      const page = await this.#context.meta.badBlockPage(uid, after, PAGE_ROWS);
      const last = page.at(-1);
      if (last === undefined) return count;
      count += page.length;
      after = last.id;
    }
  }
}
