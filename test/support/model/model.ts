import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab } from '../labs/lab.ts';
import { clockAt } from '../program/clock.ts';
import type { Result } from '../program/process.ts';
import { checkDone } from './check-done.ts';
import { choose } from './choose.ts';
import { History } from './history.ts';
import { type Mishap, sufferMishap } from './mishaps.ts';
import { Active, type Operation, targetOf } from './operations.ts';
import { type Kind, type Plan, plansOf, type Stop } from './plan.ts';
import { type End, endOf } from './refusals.ts';
import { checkBlobsOfRows, Versions } from './versions.ts';

/** The environment of a model. */
export interface World {
  /** One lab per worker; they share database and blobs. */
  labs: readonly Lab[];
  /** Environment for the program, so that `settled` can tell its processes apart. */
  env(call: string): Record<string, string>;
  /** Resolves when a killed process has nothing in progress any more, for example at a server. */
  settled(call: string, pid: number): Promise<void>;
  /** The mistakes that may happen to the store. */
  mishaps: readonly Mishap[];
}

/** Number of operations after which all rows are compared with all blobs. */
const LOOK_EVERY = 8;
/** Assumed duration of an operation before one of its kind was measured. */
const FIRST_GUESS_MS = 600;
/** Rough share of an operation's time that its start takes: a kill there proves little. */
const START_SHARE = 0.35;

/**
 * Runs workers that each carry out their plan with the real program, and compares actual with
 * expected results.
 */
export class Model {
  readonly versions = new Versions();
  readonly active = new Active();
  readonly history: History;
  readonly #world: World;
  readonly #seed: number;
  /**
   * Typical milliseconds of recent operations of a kind, from the start and from the first mention
   * of the version.
   */
  readonly #typicalMs = new Map<string, number>();
  /** Set while one worker needs to be alone; the others wait for it. */
  #alone: Promise<void> | undefined;
  #failed = false;

  constructor(world: World, seed: number) {
    this.#world = world;
    this.#seed = seed;
    this.history = new History(world.labs.length);
  }

  /** Runs all workers until `isOver`, or until something is wrong. */
  async run(isOver: () => boolean): Promise<void> {
    const ends = await Promise.allSettled(this.#world.labs.map((_, worker) => this.#work(worker, isOver)));
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  }

  async #work(worker: number, isOver: () => boolean): Promise<void> {
    let number = 0;
    try {
      for (const plan of plansOf(this.#seed, worker)) {
        while (this.#alone !== undefined) await this.#alone;
        if (isOver() || this.#failed) return;
        if (plan.alone) await this.#whileAlone(() => this.#step(plan, worker, number));
        else await this.#step(plan, worker, number);
        number++;
      }
    } catch (error) {
      this.#failed = true;
      throw error;
    }
  }

  async #whileAlone(body: () => Promise<void>): Promise<void> {
    let done = () => {};
    this.#alone = new Promise((resolve) => {
      done = resolve;
    });
    try {
      while (this.active.count > 0) await sleep(10);
      await body();
    } finally {
      this.#alone = undefined;
      done();
    }
  }

  async #step(plan: Plan, worker: number, number: number): Promise<void> {
    const { kind } = plan;
    if (kind === 'mishap') return this.#suffer(plan, worker, number);
    const operation = choose({ ...plan, kind }, { versions: this.versions, folder: this.#labOf(0).folder, worker, number });
    const end = await this.carryOut(operation);
    if (operation.kind !== 'restore') return;
    const words = ['restore', '-f', ...operation.words.slice(1)];
    // The next step of a user.
    if (end === 'killed' || end === 'stopped')
      await this.carryOut({ ...operation, words, plan: { ...plan, stop: undefined }, met: new Set() });
    rmSync(targetOf(operation), { force: true });
  }

  /** Too early, with nothing to lose. */
  async #suffer(plan: Plan, worker: number, number: number): Promise<void> {
    const { mishaps, env } = this.#world;
    const mishap = mishaps[Math.floor(plan.pick * mishaps.length)];
    if (mishap === undefined || this.versions.in('valid').length === 0) return;
    const lab = this.#labOf(worker);
    const results = await sufferMishap(mishap, { lab, versions: this.versions, plan, env: env(`model-${worker}-${number}`) });
    this.history.note(worker, `#${number} ${mishap.name}: ${results.join('; ')}`);
    this.history.counts.mishap.done++;
    this.versions.observe(lab, this.active);
  }

  /** Runs the program and checks all that must hold afterwards. */
  async carryOut(operation: Operation): Promise<End> {
    const { worker, number, kind } = operation;
    const call = `model-${worker}-${number}`;
    const lab = this.#labOf(worker);
    this.active.begin(operation);
    const { result, stopMs } = await this.#call(operation, call).finally(() => this.active.end(operation));
    const end = endOf(operation, result);
    this.history.note(
      worker,
      `#${number} ${describe(operation, stopMs)}: ${end ?? 'not allowed'} (${result.code ?? result.signal})`,
    );
    if (end === undefined)
      throw new Error(`worker ${worker} #${number}: an end that nothing explains\n${textOf(operation, result)}`);
    this.history.counts[kind][end]++;
    try {
      if (end === 'done') checkDone(operation, { result, lab });
      this.versions.observe(lab, this.active);
      if (this.history.operations % LOOK_EVERY === 0) checkBlobsOfRows(lab);
    } catch (error) {
      throw new Error(`after worker ${worker} #${number}: ${(error as Error).message}\n${textOf(operation, result)}`, {
        cause: error,
      });
    }
    return end;
  }

  async #call(
    { worker, words, kind, plan: { stop, clockHours } }: Operation,
    call: string,
  ): Promise<{ result: Result; stopMs: number | undefined }> {
    const start = performance.now();
    const clock = clockHours === 0 ? {} : clockAt(new Date(Date.now() + clockHours * 3_600_000));
    const running = this.#labOf(worker).start(words, { env: { ...this.#world.env(call), ...clock }, timeoutMs: 120_000 });
    let toldAt: number | undefined;
    const untilTold = async () => {
      while (!running.hasEnded && running.stdout === '') await sleep(5);
      toldAt = performance.now();
    };
    const telling = words.includes('-m') ? untilTold() : undefined;
    let stopMs: number | undefined;
    if (stop !== undefined) {
      if (stop.atWork) await telling;
      await Promise.race([sleep(this.#momentOf(kind, stop, toldAt !== undefined)), running.ended]);
      if (!running.hasEnded) {
        running.kill(stop.signal);
        stopMs = performance.now() - start;
      }
    }
    const result = await running.ended;
    await telling;
    if (result.signal !== null) await this.#world.settled(call, running.pid);
    else if (result.code === 0) {
      this.#learn(`${kind}`, performance.now() - start);
      if (toldAt !== undefined) this.#learn(`${kind} at work`, performance.now() - toldAt);
    }
    return { result, stopMs };
  }

  /** Milliseconds until an operation is stopped. */
  #momentOf(kind: Kind, { share, atWork }: Stop, hasTold: boolean): number {
    if (hasTold) return share * (this.#typicalMs.get(`${kind} at work`) ?? FIRST_GUESS_MS / 2);
    const typicalMs = this.#typicalMs.get(kind) ?? FIRST_GUESS_MS;
    return typicalMs * (atWork ? START_SHARE + share * (1 - START_SHARE) : share);
  }

  #learn(what: string, tookMs: number): void {
    const before = this.#typicalMs.get(what);
    this.#typicalMs.set(what, before === undefined ? tookMs : 0.7 * before + 0.3 * tookMs);
  }

  #labOf(worker: number): Lab {
    const lab = this.#world.labs[worker];
    if (lab === undefined) throw new Error(`there is no worker ${worker}`);
    return lab;
  }
}

function describe({ words, touches, plan: { stop, clockHours } }: Operation, stopMs: number | undefined): string {
  const clock = clockHours === 0 ? '' : `, clock ${clockHours} h off`;
  const what = `${words.join(' ')} [${touches.map(({ name }) => name).join(', ')}]${clock}`;
  return stop === undefined || stopMs === undefined ? what : `${what}, ${stop.signal} after ${stopMs.toFixed(0)} ms`;
}

function textOf({ words, met }: Operation, { code, signal, stdout, stderr }: Result): string {
  const others = [...met].map((other) => `  beside worker ${other.worker} #${other.number}: ${other.words.join(' ')}`);
  return [`backy2 ${words.join(' ')}: ${code ?? signal}`, ...others, stdout.slice(0, 4000), stderr.slice(0, 4000)].join('\n');
}
