import { expect } from 'vitest';
import { checkRestores, checkStoreAndCleanUp } from '../labs/check-store.ts';
import type { Lab } from '../labs/lab.ts';
import { backupOf } from './choose.ts';
import { Model, type World } from './model.ts';
import type { Operation } from './operations.ts';
import { KINDS, type Kind } from './plan.ts';

/** Amount of work of a model; it goes on until enough of each kind has happened. */
interface Amount {
  /**
   * Minimum number of operations of all kinds, whatever their result, and minimum seconds. Both
   * must be reached.
   */
  operations: number;
  seconds: number;
  /** Minimum of done operations per kind, and of kills of all kinds together. */
  leastOfEach: number;
  leastKills: number;
  /** Safety net in seconds: no machine is that slow. */
  limitSeconds: number;
}

const LONG: Amount = { operations: 0, seconds: 60, leastOfEach: 4, leastKills: 25, limitSeconds: 480 };
/** Counts operations, not seconds: a slow machine takes longer and proves the same. */
const SHORT: Amount = { operations: 60, seconds: 0, leastOfEach: 1, leastKills: 5, limitSeconds: 480 };

export const AMOUNT = process.env.BACKY_LONG_TESTS ? LONG : SHORT;

/** Maximum duration of a model in ms. */
export function limitMs({ limitSeconds }: Amount): number {
  return (limitSeconds + 240) * 1000;
}

interface ModelRun {
  seed: number;
  amount: Amount;
  /** The command that repeats it. */
  replay: string;
}

/**
 * Runs a model of this seed to its end. Then completes all unfinished versions, checks the store,
 * and restores everything once more.
 * @throws Error with the seed, the problem, and the history of each worker.
 */
export async function runModel(world: World, { seed, amount, replay }: ModelRun): Promise<Model> {
  const model = new Model(world, seed);
  const [lab] = world.labs;
  if (lab === undefined) throw new Error('a model needs a worker');
  try {
    await model.run(() => isEnough(model, amount) || model.history.seconds > amount.limitSeconds);
    // Comes after the work, so that the plan is the same in any case.
    await finishAll(model);
    lab.configure({});
    await checkAll(model, lab);
    checkEnough(model, amount);
  } catch (error) {
    throw new Error(failureText(error as Error, model, { seed, amount, replay }), { cause: error });
  }
  process.stdout.write(
    `\nModel of seed ${seed}: ${model.history.operations} operations in ${model.history.seconds.toFixed(0)} s\n${model.history.table()}\n`,
  );
  return model;
}

function isEnough({ history }: Model, { operations, seconds, leastOfEach, leastKills }: Amount): boolean {
  if (history.operations < operations || history.seconds < seconds) return false;
  return history.count('killed') >= leastKills && KINDS.every((kind) => history.counts[kind].done >= leastOfEach);
}

/** A run in which hardly anything happened proves nothing. */
function checkEnough({ history, versions }: Model, { leastOfEach, leastKills }: Amount): void {
  for (const kind of KINDS) expect(history.counts[kind].done, `times that ${kind} was done`).toBeGreaterThanOrEqual(leastOfEach);
  expect(history.count('killed'), 'operations that were killed').toBeGreaterThanOrEqual(leastKills);
  expect(versions.in('gone').length, 'versions that came and went').toBeGreaterThan(0);
}

/** Resumes each unfinished version: every stop must allow that. */
async function finishAll(model: Model): Promise<void> {
  for (const [number, version] of model.versions.in('unfinished').entries()) {
    const end = await model.carryOut(lastOperation('continue', `${number}`, backupOf(version)));
    expect(end, `the continuation of ${version.name}`).toBe('done');
  }
  expect(model.versions.in('begun', 'unfinished'), 'versions that can not be finished').toEqual([]);
}

/** Checks that nothing is lost or left over. All versions restore, before and after a cleanup. */
async function checkAll(model: Model, lab: Lab): Promise<void> {
  const sums = model.versions.sums;
  for (const uid of sums.keys()) await lab.ok('scrub', uid);
  await lab.ok('cleanup', '--dangerous-force');
  expect(lab.candidates(), 'candidates').toEqual([]);
  expect(lab.query('SELECT * FROM backy2_doomed'), 'doomed blobs').toEqual([]);
  await checkStoreAndCleanUp(lab, sums);
  await checkRestores(lab, sums);
  expect(new Set(lab.versions().map(({ uid }) => uid))).toEqual(new Set(sums.keys()));
  for (const uid of sums.keys()) await lab.ok('rm', uid);
  await lab.ok('cleanup', '--dangerous-force');
  expect(lab.blobs(), 'blobs when all versions have gone').toEqual([]);
}

function lastOperation(kind: Kind, pick: string, chosen: Pick<Operation, 'words' | 'touches'>): Operation {
  const plan = { kind, pick: 0, image: 0, alone: true, stop: undefined, clockHours: 0 };
  return { worker: 0, number: 1_000_000 + Number(pick), kind, plan, ...chosen, was: chosen.touches[0]?.state, met: new Set() };
}

function failureText({ message }: Error, model: Model, { seed, replay }: ModelRun): string {
  return [
    message,
    `Seed ${seed}. Again: BACKY_TEST_SEED=${seed} ${replay}`,
    'Each worker plans the same again; when the others come to theirs is up to the machine, so it may take some runs. What each worker did:',
    model.history.byWorker(),
    model.history.table(),
  ].join('\n\n');
}
