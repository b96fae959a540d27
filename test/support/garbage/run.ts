import { seededRandom } from '../images/random.ts';
import { checkNothingLeaked, checkNothingLost } from './checks.ts';
import { fastCleanup, fullCleanup } from './cleanup-programs.ts';
import { backup, removal, resume, scrub } from './programs.ts';
import { type Rules, Violation } from './rules.ts';
import type { Version } from './tables.ts';
import { newWorld, type Program, type World } from './world.ts';

/** Two leaves of two blocks of few contents: equal leaves and blobs in common are frequent. */
const PLACES = 2;
const OFFSETS = 2;
const CONTENTS = 6;
const MOST_VERSIONS = 3;
const MOST_PROGRAMS = 4;
/** Share of steps that kill a program instead. */
const KILLS = 0.015;
/** Programs run for some steps in a row: one overtakes another more often. */
const SWITCHES = 0.3;

/** One run of programs that take turns at random and are killed at random. */
class GarbageRun {
  /** Steps so far, for the message of a failure. */
  readonly history: string[] = [];
  readonly #world: World;
  readonly #random: () => number;
  /** The program whose turn it is. */
  #current: Program | undefined;
  /** A full cleanup runs, and nothing else may. */
  #isAlone = false;

  constructor(seed: number, rules: Rules) {
    this.#random = seededRandom(seed);
    this.#world = newWorld(rules, this.#random);
  }

  /** @throws Violation after the step that broke the promise. */
  run(steps: number): void {
    for (let i = 0; i < steps; i++) {
      this.#step();
      checkNothingLost(this.#world.tables);
    }
    for (const program of [...this.#world.running]) this.#kill(program);
    checkNothingLeaked(this.#world);
  }

  #step(): void {
    const { running, tables } = this.#world;
    tables.now++;
    if (running.size === 0 || (!this.#isAlone && running.size < MOST_PROGRAMS && this.#random() < 0.3))
      running.add(this.#start());
    let program = this.#current;
    if (program === undefined || !running.has(program) || this.#random() < SWITCHES) program = this.#pick([...running]);
    this.#current = program;
    if (program === undefined) return;
    if (this.#random() < KILLS) this.#kill(program);
    else this.#advance(program);
  }

  #start(): Program {
    const world = this.#world;
    const { versions } = world.tables;
    const version = this.#pick(versions);
    const dice = this.#random();
    this.#isAlone = world.running.size === 0 && dice > 0.9;
    if (this.#isAlone) return fullCleanup(world);
    if (dice < 0.2) return fastCleanup(world, Math.floor(this.#random() * 5));
    if (dice < 0.25) return scrub(world);
    if (version !== undefined && (dice < 0.5 || versions.length >= MOST_VERSIONS)) return removal(world, version);
    if (version?.valid === false && dice < 0.6) return resume(world, version);
    const base = version?.valid === true && this.#random() < 0.6 ? version : undefined;
    return backup(world, this.#image(base), base);
  }

  /** An image of its own, or the base's with some changes. */
  #image(base: Version | undefined): number[][] {
    return Array.from({ length: PLACES }, (_, place) =>
      Array.from({ length: OFFSETS }, (_, offset) => {
        const old = base?.image[place]?.[offset];
        return old === undefined || this.#random() < 0.3 ? 1 + Math.floor(this.#random() * CONTENTS) : old;
      }),
    );
  }

  #advance(program: Program): void {
    const { done, value } = program.next();
    if (done) this.#end(program);
    else this.history.push(value);
  }

  #kill(program: Program): void {
    this.history.push('killed one');
    program.return();
    this.#end(program);
  }

  #end(program: Program): void {
    this.#world.running.delete(program);
    if (this.#world.running.size === 0) this.#isAlone = false;
  }

  #pick<T>(from: readonly T[]): T | undefined {
    return from[Math.floor(this.#random() * from.length)];
  }
}

/** The first violation in up to `runs` runs of seeds from `seed` on, with what led to it. */
export function findViolation(rules: Rules, seed: number, { runs, steps }: { runs: number; steps: number }): string | undefined {
  for (let i = 0; i < runs; i++) {
    const run = new GarbageRun(seed + i, rules);
    try {
      run.run(steps);
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      return [`${error.message} (run ${i} of seed ${seed})`, ...run.history.slice(-60)].join('\n');
    }
  }
  return undefined;
}
