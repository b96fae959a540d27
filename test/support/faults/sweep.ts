import { expect } from 'vitest';
import type { Lab } from '../lab.ts';
import type { Result } from '../program/process.ts';
import { runSeed, seededRandom } from '../random.ts';
import { checkByLooking, checkByRestoring, isPlain } from './check-valid.ts';
import { type Calls, type Place, runWithFault } from './fault-layer.ts';
import { type Case, casesOf, describeCase, type Family, SKIPPED } from './faults.ts';
import type { Operation } from './operations.ts';
import { PowerLoss, type Rest, readJournal } from './power-loss.ts';
import type { Ready } from './ready-stores.ts';
import { follow } from './summary.ts';

/** A prepared operation, with the calls that it makes when nothing fails. */
export interface Counted extends Ready {
  operation: Operation;
  calls: Calls;
}

/** What a family's share of the sweep came to. */
export interface Outcome {
  tried: number;
  /** Cases whose call came; the order of calls may differ from run to run. */
  struck: number;
  possible: number;
  failures: string[];
}

/** Prepares a store, and counts the calls. */
export async function count(operation: Operation, library: string): Promise<Counted> {
  const ready = await operation.prepare();
  const lab = await copyOf(ready.lab, operation);
  try {
    const { result, calls } = await runWithFault({ lab, library }, operation.command(lab));
    expect(result, `${operation.name} without a fault: ${result.stderr}`).toMatchObject({ code: 0 });
    operation.done(lab, ready.oracle);
    return { ...ready, operation, calls };
  } finally {
    lab.remove();
  }
}

/** How many cases of which family to try. */
interface Sweep {
  family: Family;
  library: string;
  seconds?: number;
  limit?: number;
}

/** Tries cases of a family in a random order, until all are tried or the time is up; at least one. Two at a time. */
export async function sweep(
  counted: Counted,
  { family, library, seconds = Number.POSITIVE_INFINITY, limit = Number.POSITIVE_INFINITY }: Sweep,
): Promise<Outcome> {
  const random = seededRandom(runSeed());
  const only = process.env.BACKY_FAULT_CASE;
  const all = casesOf(family, counted.calls).filter((one) => only === undefined || describeCase(one).startsWith(only));
  const cases = spread(all, random).slice(0, limit);
  const outcome: Outcome = { tried: 0, struck: 0, possible: all.length, failures: [] };
  const end = performance.now() + seconds * 1000;
  const work = async () => {
    for (let one = cases.pop(); one !== undefined; one = cases.pop()) {
      outcome.tried++;
      const failure = await tryCase(counted, library, one).catch((error: unknown) => ({ error, struck: true }));
      if (failure.struck) outcome.struck++;
      if (failure.error !== undefined) {
        const told = `${counted.operation.name}, ${describeCase(one)}: ${failure.error}`;
        outcome.failures.push(told);
        follow(`FAILED ${told}`);
      }
      if (performance.now() > end) break;
    }
  };
  await Promise.all([work(), work()]);
  return outcome;
}

/** In a random order, but places and kinds in turn: there are a hundred times as many reads as renames. */
function spread(cases: readonly Case[], random: () => number): Case[] {
  const groups = new Map<string, number>();
  const keyed = cases
    .map((one) => ({ one, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => {
      const key = `${one.kind} ${one.place} ${one.fault.name}`;
      const turn = groups.get(key) ?? 0;
      groups.set(key, turn + 1);
      return { one, turn, at: random() };
    });
  // The last is tried first.
  return keyed.sort((a, b) => b.turn - a.turn || a.at - b.at).map(({ one }) => one);
}

async function tryCase(counted: Counted, library: string, one: Case): Promise<{ struck: boolean; error?: unknown }> {
  const { lab: model, operation } = counted;
  const lab = await copyOf(model, operation);
  try {
    const { result, struck } = await runWithFault({ lab, library }, operation.command(lab), one);
    if (!struck) return { struck };
    follow(`${operation.name}, ${describeCase(one)}: ${endOf(result)}`);
    try {
      checkEnd(result, operation, one);
      operation.told?.(lab, result.stderr);
      await checkAndFinish(lab, counted, result.code === 0);
    } catch (error) {
      return { struck, error: `${messageOf(error)}\n  [exit ${result.code ?? result.signal}: ${result.stderr.slice(0, 600)}]` };
    }
    return { struck };
  } finally {
    lab.remove();
  }
}

/** What must hold after a fault, and after what a user does then. */
async function checkAndFinish(lab: Lab, counted: Counted, isDone: boolean): Promise<void> {
  const { operation, oracle } = counted;
  look(lab, counted, isDone);
  await operation.finish(lab);
  operation.done(lab, oracle);
  await lab.ok('cleanup', '-f');
  expect(lab.store.leftovers(), 'what stands beside the blobs after cleanup -f').toEqual([]);
  // The same comparison, without a process for each version.
  if (operation.readableOnlyAfter !== true && isPlain(lab)) checkByLooking(lab, oracle);
  else await checkByRestoring(lab, oracle);
}

/** What must hold before anybody does anything. */
function look(lab: Lab, { operation, oracle }: Counted, isDone: boolean): void {
  if (operation.readableOnlyAfter !== true) checkByLooking(lab, oracle);
  if (isDone) operation.done(lab, oracle);
}

const RESTS: readonly Rest[] = ['lost', 'mixed', 'mixed', 'mixed', 'kept'];
/** So many states are looked at for one from which the program goes on: looking needs no process. */
const LOOKS_PER_FINISH = 12;

/** How many power losses to try. */
interface PowerSweep {
  library: string;
  seconds?: number;
  limit?: number;
  /** Each fsync there says that all is well, and does nothing: what has to be found. */
  without?: Place;
}

/**
 * Power losses. The operation runs once, with a journal; after each of its changes the power may have gone, and each beginning of the journal gives
 * the states of the disk that may be left. Those after the last change must have all that was said to be done.
 */
export async function sweepPower(
  counted: Counted,
  { library, seconds = Number.POSITIVE_INFINITY, limit = Number.POSITIVE_INFINITY, without }: PowerSweep,
): Promise<Outcome> {
  const { lab: model, operation } = counted;
  const random = seededRandom(runSeed());
  const lab = await copyOf(model, operation);
  try {
    // First: looking a uid up leaves a WAL, whose name the journal would not have.
    const command = operation.command(lab);
    const before = new PowerLoss(lab.folder);
    const journal = lab.path('home/journal');
    const fault = without && { kind: 'fsync', place: without, call: 1, fault: SKIPPED };
    const { result } = await runWithFault({ lab, library, journal }, command, fault);
    expect(result, result.stderr).toMatchObject({ code: 0 });
    const records = readJournal(journal);
    const states = Array.from({ length: records.length + 1 }, (_, count) => RESTS.map((rest) => ({ count, rest }))).flat();
    const outcome: Outcome = { tried: 0, struck: 0, possible: states.length, failures: [] };
    const shuffled = states.map((state) => ({ state, at: random() })).sort((a, b) => a.at - b.at);
    const last = { count: records.length, rest: 'lost' as const };
    const end = performance.now() + seconds * 1000;
    for (const state of [last, ...shuffled.map((one) => one.state)].slice(0, limit)) {
      const power = before.copy();
      power.replay(records.slice(0, state.count));
      power.restore(state.rest, random);
      try {
        const isDone = state.count === records.length;
        if (outcome.tried % LOOKS_PER_FINISH === 0) await checkAndFinish(lab, counted, isDone);
        else look(lab, counted, isDone);
      } catch (error) {
        const after = records[state.count - 1];
        const told = `${operation.name}, power loss after change ${state.count} of ${records.length} (${after?.type} ${after?.from} ${after?.to}), unsynced ${state.rest}: ${messageOf(error)}`;
        outcome.failures.push(told);
        if (without === undefined) follow(`FAILED ${told}`);
      }
      outcome.tried++;
      outcome.struck++;
      if (performance.now() > end) break;
    }
    return outcome;
  } finally {
    lab.remove();
  }
}

/** How a run ended, and the reason that it gave. */
function endOf({ code, signal, stderr }: Result): string {
  return `${code ?? signal} ${/ERROR: .*/.exec(stderr)?.[0] ?? ''}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A documented exit code and a reason, or the death that the script asked for. */
function checkEnd({ code, signal, stdout, stderr }: Result, { codes }: Operation, { fault }: Case): void {
  expect(stdout + stderr, 'a stack trace').not.toMatch(/^\s+at .*:\d+:\d+/m);
  if (signal !== null) {
    expect([signal, fault.action], 'how it ended').toEqual(['SIGKILL', expect.stringMatching(/^kill/)]);
    return;
  }
  expect([0, ...codes], `exit code; it said ${stderr}`).toContain(code);
  if (code !== 0) expect(stderr, 'the reason').toMatch(/^ {3}ERROR: \S/m);
  expect(stderr, 'a reason that was foreseen').not.toContain('Unexpected error');
  // Who is told so may do it, and then has another problem.
  expect(stderr, 'a database that is there').not.toContain('run initdb');
}

async function copyOf(model: Lab, { config }: Operation): Promise<Lab> {
  const lab = await model.clone('linked');
  if (config !== undefined) lab.configure(config);
  return lab;
}
