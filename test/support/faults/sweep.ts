import { rmSync } from 'node:fs';
import { expect } from 'vitest';
import type { Lab } from '../lab.ts';
import type { Result } from '../process.ts';
import { runSeed, seededRandom } from '../random.ts';
import { type Calls, runWithFault } from './fault-layer.ts';
import { type Case, casesOf, describeCase, type Family } from './faults.ts';
import { checkValidVersions, type Operation, type Ready } from './operations.ts';
import { PowerLoss } from './power-loss.ts';

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

/** Tries cases of a family in a random order, until all are tried or the time is up; at least one. Two at a time. */
export async function sweep(
  counted: Counted,
  {
    family,
    library,
    seconds,
    limit = Number.POSITIVE_INFINITY,
  }: { family: Family; library: string; seconds: number; limit?: number },
): Promise<Outcome> {
  const random = seededRandom(runSeed());
  const all = casesOf(family, counted.calls);
  const cases = spread(all, random).slice(0, limit);
  const outcome: Outcome = { tried: 0, struck: 0, possible: all.length, failures: [] };
  const end = performance.now() + seconds * 1000;
  const work = async () => {
    for (let one = cases.pop(); one !== undefined; one = cases.pop()) {
      outcome.tried++;
      const failure = await tryCase(counted, library, one, random).catch((error: unknown) => ({ error, struck: true }));
      if (failure.struck) outcome.struck++;
      if (failure.error !== undefined) outcome.failures.push(`${counted.operation.name}, ${describeCase(one)}: ${failure.error}`);
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

async function tryCase(
  { lab: model, oracle, operation }: Counted,
  library: string,
  one: Case,
  random: () => number,
): Promise<{ struck: boolean; error?: unknown }> {
  const lab = await copyOf(model, operation);
  const journal = one.rest === undefined ? undefined : lab.path('home/journal');
  try {
    const power = one.rest === undefined ? undefined : new PowerLoss(lab.folder);
    const { result, struck } = await runWithFault({ lab, library, journal }, operation.command(lab), one);
    if (!struck) return { struck };
    if (power !== undefined && journal !== undefined) {
      power.replay(journal);
      power.restore(one.rest ?? 'lost', random);
    }
    try {
      checkEnd(result, operation, one);
      if (operation.name !== 'upgrade' && operation.name !== 'initdb') await checkValidVersions(lab, oracle);
      if (result.code === 0) operation.done(lab, oracle);
      await operation.finish(lab);
      operation.done(lab, oracle);
      await checkValidVersions(lab, oracle);
      await lab.ok('cleanup', '-f');
      expect(lab.store.leftovers(), 'what stands beside the blobs after cleanup -f').toEqual([]);
      await checkValidVersions(lab, oracle);
    } catch (error) {
      const said = `exit ${result.code ?? result.signal}: ${result.stderr.slice(0, 600)}`;
      return { struck, error: `${error instanceof Error ? error.message : error}\n  [${said}]` };
    }
    return { struck };
  } finally {
    if (journal !== undefined) rmSync(journal, { force: true });
    lab.remove();
  }
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
}

async function copyOf(model: Lab, { config }: Operation): Promise<Lab> {
  const lab = await model.clone('linked');
  if (config !== undefined) lab.configure(config);
  return lab;
}
