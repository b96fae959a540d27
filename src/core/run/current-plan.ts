import type { Context } from '../context.ts';
import { plusSeconds } from '../reports/schedulers.ts';
import { openAttempts, settleDead } from './dead-jobs.ts';
import type { JobItem } from './executor.ts';
import { type KnownJobs, planInput, type RunSurroundings } from './plan-input.ts';
import { type PlanInput, type PlannedBackup, planBackups } from './planner.ts';

/** All is read again after this time while there is something to start: other hosts work too. */
const FRESH_SECONDS = 60;
/** And after this time in any case. */
const IDLE_SECONDS = 300;

/**
 * The plan of a run. It is made again whenever that may change what comes next. After a backup,
 * only the versions of its name are read again.
 */
export class CurrentPlan {
  readonly #context: Context;
  readonly #around: RunSurroundings;
  readonly #known: KnownJobs;
  /** Undefined: nothing was read yet. */
  #input: PlanInput | undefined;
  #readAt = new Date(0);
  #entries: PlannedBackup[] = [];
  /** When more may be started; undefined: now. */
  #moreAt: Date | undefined;

  constructor(context: Context, around: RunSurroundings, known: KnownJobs) {
    this.#context = context;
    this.#around = around;
    this.#known = known;
  }

  get entries(): readonly PlannedBackup[] {
    return this.#entries;
  }

  /** Reads versions and records, and settles attempts whose process died. */
  async read(): Promise<void> {
    const { meta } = this.#context;
    let records = await meta.runRecords();
    const { running, dead } = await openAttempts(this.#context, records);
    for (const name of dead) await settleDead(this.#context, name);
    if (dead.length > 0) records = await meta.runRecords();
    this.#input = await planInput(this.#context, { around: this.#around, known: this.#known, records, running });
    this.#readAt = this.#context.now();
    this.#make();
  }

  /** Reads one name again, of which an attempt has ended. */
  async readName(name: string): Promise<void> {
    if (this.#input === undefined) return;
    const { versions, records, running } = this.#input;
    const record = await this.#context.meta.findRunRecord({ kind: 'job', name });
    const others = [...running].filter((one) => one !== name);
    this.#input = {
      ...this.#input,
      running: new Set(others),
      versions: new Map(versions).set(name, await this.#context.meta.listVersions({ name })),
      records: record === undefined ? records : new Map(records).set(name, record),
    };
    this.#moreAt = undefined;
  }

  /** The first backup to start of those that `mayStart`. */
  async next(mayStart: (item: JobItem) => boolean): Promise<JobItem | undefined> {
    const first = this.#first(mayStart);
    const now = this.#context.now();
    const freshUntil = plusSeconds(this.#readAt, first === undefined ? IDLE_SECONDS : FRESH_SECONDS);
    // The clock may have been set back.
    if (freshUntil <= now || this.#readAt > now) await this.read();
    else if (first !== undefined) return first;
    else if (this.secondsToMore() === 0) this.#make();
    else return undefined;
    return this.#first(mayStart);
  }

  /** Until it may have more to start. */
  secondsToMore(): number {
    const again = plusSeconds(this.#readAt, IDLE_SECONDS);
    const at = this.#moreAt ?? this.#context.now();
    const seconds = ((at < again ? at : again).getTime() - this.#context.now().getTime()) / 1000;
    return Math.min(IDLE_SECONDS, Math.max(0, seconds));
  }

  #first(mayStart: (item: JobItem) => boolean): JobItem | undefined {
    return this.#entries.find(({ item }) => item !== null && mayStart(item))?.item ?? undefined;
  }

  #make(): void {
    if (this.#input === undefined) return;
    const now = this.#context.now();
    this.#entries = planBackups({ ...this.#input, now });
    const times = this.#entries.flatMap(({ until }) => (until === null || until <= now ? [] : until.getTime()));
    this.#moreAt = new Date(Math.min(plusSeconds(now, IDLE_SECONDS).getTime(), ...times));
  }
}
