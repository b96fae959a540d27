import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Context } from '../../../src/core/context.ts';
import { imagesOf } from '../../../src/core/reports/images.ts';
import { type Breach, slaBreaches } from '../../../src/core/reports/sla.ts';
import type { Executor, JobItem, JobOutcome, ProblemReport, RunSummary, StepName } from '../../../src/core/run/executor.ts';
import { type JobTurn, takeJobTurn } from '../../../src/core/run/job-turn.ts';
import { type RunRequest, runJobs } from '../../../src/core/run/runner.ts';
import { silentLogger } from '../../../src/logger.ts';
import type { MetaStore } from '../../../src/meta/meta-store.ts';
import { sqliteStore } from '../../../src/meta/sqlite/sqlite-store.ts';
import { NO_COUNTS } from '../../../src/model/counters.ts';
import { type Job, jobName, RUN_DEFAULTS } from '../../../src/model/job.ts';
import type { Scheduler } from '../../../src/model/scheduler.ts';
import { CoreLab } from '../labs/core-lab.ts';
import { SimClock } from './sim-clock.ts';
import { SimLocks, SimProcess } from './sim-process.ts';

/** The schedulers of backy.cfg.example. */
export const SCHEDULERS: Scheduler[] = [
  { name: 'hourly', intervalSeconds: 3600, keep: 24, slaSeconds: 1800 },
  { name: 'daily', intervalSeconds: 86_400, keep: 8, slaSeconds: 6 * 3600 },
  { name: 'weekly', intervalSeconds: 7 * 86_400, keep: 5, slaSeconds: 12 * 3600 },
  { name: 'monthly', intervalSeconds: 30 * 86_400, keep: 3, slaSeconds: 3 * 86_400 },
];

/** A job that backs `name` up. */
export function simJob(name: string, schedulers: string[]): Job {
  return {
    key: name,
    source: `file:///dev/vg/${name}`,
    schedulers,
    name: undefined,
    before: 'freeze',
    after: 'thaw',
    hookTimeoutSeconds: 60,
  };
}

/** How a backup goes: how long it takes, and whether it fails in the end. */
export interface Behaviour {
  seconds: number;
  exitCode?: number;
}

/** One backup that was begun. */
export interface Begun {
  name: string;
  host: string;
  at: Date;
  tags: readonly string[];
}

/** When processes of a run die: see SimProcess. */
export interface Deaths {
  runner?: number | undefined;
  job?: ((item: JobItem) => number | undefined) | undefined;
}

const KILLED: JobOutcome = {
  ...{ state: 'failed', uid: null, bytesRead: null, bytesWritten: null, exitCode: 137, problem: 'It was killed.' },
};

/**
 * Hosts that run jobs on one database, with a clock that the test sets. Backups are versions
 * without blocks. Notes what must never happen.
 */
export class SimWorld {
  readonly clock: SimClock;
  readonly meta: MetaStore;
  readonly base: Context;
  readonly #folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'backy2-run-'));
  readonly #lab: CoreLab;
  readonly #locks = new SimLocks();
  readonly #busy = new Map<string, { process: SimProcess; ended: boolean }>();
  /** Images between `before` and `after`. */
  readonly #frozen = new Set<string>();
  readonly begun: Begun[] = [];
  readonly reports: { at: Date; report: ProblemReport }[] = [];
  readonly steps: { at: Date; name: StepName; host: string }[] = [];
  /** SLA breaches that steps saw. */
  readonly seen: { at: Date; breaches: Breach[] }[] = [];
  readonly violations: string[] = [];
  /** The most jobs that a runner had at a time. */
  mostAtOnce = 0;
  behave: (name: string, now: Date) => Behaviour = () => ({ seconds: 120 });
  reportSucceeds = true;
  #made = 0;

  private constructor(lab: CoreLab, start: Date, settings: Partial<Context['settings']>) {
    this.#lab = lab;
    this.clock = new SimClock(start);
    const now = () => this.clock.now;
    const path = join(this.#folder, 'backy.sqlite');
    this.meta = sqliteStore({ path, cacheMb: 16, createIfMissing: false, logger: silentLogger, now });
    const names = SCHEDULERS.map(({ name }) => name);
    this.base = {
      ...{ ...lab.context, meta: this.meta, now },
      settings: {
        ...{ ...lab.context.settings, schedulers: SCHEDULERS, defaultSchedulers: ['daily'], slaSchedulers: names },
        ...{ slaNewNamesByAge: true, run: { ...RUN_DEFAULTS, parallel: 3 }, ...settings },
      },
    };
  }

  static async create(start: Date, settings: Partial<Context['settings']>): Promise<SimWorld> {
    const world = new SimWorld(await CoreLab.create(), start, settings);
    await world.meta.initialize();
    await world.meta.open();
    // Loads all that is loaded on first use: simulated time must not wait for files.
    await world.meta.createVersion({ ...NO_BLOCKS, uid: 'first', name: 'first', expire: null, tags: ['t'] });
    await world.meta.removeVersion('first', () => {});
    return world;
  }

  async dispose(): Promise<void> {
    await this.meta.close();
    rmSync(this.#folder, { recursive: true, force: true });
    await this.#lab.dispose();
  }

  /** Starts a run on a host. @returns undefined if its process dies. */
  async run(host: string, deaths: Deaths = {}, request: Partial<RunRequest> = {}): Promise<RunSummary | undefined> {
    const runner = new SimProcess(this.base, this.#locks, deaths.runner);
    let atOnce = 0;
    const executor: Executor = {
      execute: async (item) => {
        this.mostAtOnce = Math.max(this.mostAtOnce, ++atOnce);
        const outcome = await runner.whileAlive(this.#jobProcess(item, host, deaths.job?.(item)));
        atOnce--;
        return outcome;
      },
      step: async (name) => {
        this.steps.push({ at: this.clock.now, name, host });
        await runner.whileAlive(this.clock.sleep(60));
        if (name === 'prune') await this.#prune();
        if (name === 'sla') this.seen.push({ at: this.clock.now, breaches: await this.breaches() });
        return { exitCode: 0, problem: null };
      },
      report: async (report) => {
        this.reports.push({ at: this.clock.now, report });
        return this.reportSucceeds;
      },
    };
    const work = runJobs(
      runner.context,
      executor,
      { upkeep: true, ...request },
      {
        host,
        imagesOf: async (job) => [{ name: jobName(job) ?? '', source: job.source }],
        wait: (seconds, signal) => runner.whileAlive(this.clock.sleep(seconds, signal)),
      },
    );
    const summary = await Promise.race([work, runner.death.then(() => undefined)]);
    runner.kill();
    return summary;
  }

  /** Images that are frozen, though no process works on them. */
  get leftFrozen(): string[] {
    return [...this.#frozen].filter((name) => {
      const work = this.#busy.get(name);
      return work === undefined || work.ended || !work.process.isAlive;
    });
  }

  /** SLA breaches as `sla` lists them, with new names judged by their age. */
  async breaches(schedulers: readonly Scheduler[] = SCHEDULERS): Promise<Breach[]> {
    const now = this.clock.now;
    const found = this.base.settings.jobs.map((job) => job.schedulers ?? []);
    const versions = await this.meta.listVersions({});
    const seen = await this.meta.seenNames();
    const images = imagesOf(versions, { name: undefined, schedulers: [], seen, newByAge: true, now });
    return images.flatMap((image) => {
      const own = found[this.base.settings.jobs.findIndex((job) => jobName(job) === image.name)] ?? [];
      return slaBreaches(
        [image],
        schedulers.filter(({ name }) => own.includes(name)),
        now,
      );
    });
  }

  async #jobProcess(item: JobItem, host: string, dieAfter: number | undefined): Promise<JobOutcome> {
    const child = new SimProcess(this.base, this.#locks, dieAfter);
    const mode = item.schedulers.length === 0 ? 'recover' : 'due';
    const work = takeJobTurn(child.context, { job: item.job, name: item.name, mode, host }, (turn) =>
      this.#attempt(child, { item, host, turn }),
    );
    const outcome = await Promise.race([work, child.death.then(() => KILLED)]);
    child.kill();
    return outcome;
  }

  async #attempt(child: SimProcess, { item, host, turn }: { item: JobItem; host: string; turn: JobTurn }) {
    const { name } = item;
    const { meta } = child.context;
    const other = this.#busy.get(name);
    const work = { process: child, ended: false };
    if (other !== undefined && !other.ended && other.process.isAlive) this.violations.push(`${name} is backed up twice at once`);
    this.#busy.set(name, work);
    const end = (exitCode: number) => {
      work.ended = true;
      return { uid: null, bytesRead: 0, bytesWritten: 0, exitCode, problem: exitCode === 0 ? null : 'The source is gone.' };
    };
    if (turn.hookIsOpen) await this.#thaw(name, turn);
    if (turn.schedulers.length === 0) return end(0);
    await turn.setHook('before');
    if (this.#frozen.has(name)) this.violations.push(`${name} is frozen twice`);
    this.#frozen.add(name);
    const { seconds, exitCode = 0 } = this.behave(name, this.clock.now);
    this.begun.push({ name, host, at: this.clock.now, tags: turn.schedulers });
    const uid = `v${++this.#made}`.padEnd(10, '-');
    await meta.createVersion({ ...NO_BLOCKS, uid, name, expire: turn.expire, tags: [...turn.schedulers] });
    await child.whileAlive(this.clock.sleep(seconds));
    if (exitCode === 0) {
      const version = await meta.findVersion(uid);
      if (version !== undefined) await meta.finishBackup(version, NO_COUNTS);
    }
    await this.#thaw(name, turn);
    return end(exitCode);
  }

  async #thaw(name: string, turn: JobTurn): Promise<void> {
    this.#frozen.delete(name);
    await turn.setHook(null);
  }

  /** Removes what has expired, but never the newest valid version of a name. */
  async #prune(): Promise<void> {
    const versions = await this.meta.listVersions({});
    for (const { uid, name, date, expire } of versions) {
      const isNewest = !versions.some((other) => other.name === name && other.valid && other.date > date);
      if (!isNewest && expire !== null && expire < this.clock.now) await this.meta.removeVersion(uid, () => {}, 'keep');
    }
  }
}

const NO_BLOCKS = { snapshotName: '', size: 0, sizeBytes: 0 };
