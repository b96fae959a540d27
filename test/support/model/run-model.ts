import { expect } from 'vitest';
import { checkRestores, checkStoreAndCleanUp } from '../labs/check-store.ts';
import type { Lab } from '../labs/lab.ts';
import { backupOf } from './choose.ts';
import { Model, type World } from './model.ts';
import type { Operation } from './operations.ts';
import { KINDS, type Kind } from './plan.ts';

/** How much a model does; it goes on until enough of each kind has happened. */
export interface Amount {
  /** Operations of all kinds together, whatever became of them, and seconds: both have to be reached. */
  operations: number;
  seconds: number;
  /** Operations of each kind that were done, and of all together that were killed. */
  leastOfEach: number;
  leastKills: number;
  /** A safety net in seconds: no machine is so slow. */
  limitSeconds: number;
}

export const LONG: Amount = { operations: 0, seconds: 60, leastOfEach: 4, leastKills: 25, limitSeconds: 480 };
/** A slow machine takes longer and proves the same. */
export const SHORT: Amount = { operations: 60, seconds: 0, leastOfEach: 1, leastKills: 5, limitSeconds: 480 };

/** How long a model may take altogether, in ms. */
export function limitMs({ limitSeconds }: Amount): number {
  return (limitSeconds + 240) * 1000;
}

/**
 * Runs a model of this seed to its end, where all that is unfinished is finished, all that is stored is looked at, and everything restored once more.
 * @throws Error that tells the seed, what went wrong and what each worker had done by then.
 */
export async function runModel(
  world: World,
  { seed, amount, replay }: { seed: number; amount: Amount; replay: string },
): Promise<Model> {
  const model = new Model(world, seed);
  const [lab] = world.labs;
  if (lab === undefined) throw new Error('a model needs a worker');
  try {
    await model.run(() => isEnough(model, amount) || model.history.seconds > amount.limitSeconds);
    // After the work, so that its plan is the same whatever comes here.
    await finishAll(model);
    lab.configure({});
    await checkAll(model, lab);
    checkEnough(model, amount);
  } catch (error) {
    throw new Error(failureText(error as Error, { model, seed, replay }), { cause: error });
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

/** A run in which hardly anything happened shows nothing. */
function checkEnough({ history, versions }: Model, { leastOfEach, leastKills }: Amount): void {
  for (const kind of KINDS) expect(history.counts[kind].done, `times that ${kind} was done`).toBeGreaterThanOrEqual(leastOfEach);
  expect(history.count('killed'), 'operations that were killed').toBeGreaterThanOrEqual(leastKills);
  expect(versions.in('gone').length, 'versions that came and went').toBeGreaterThan(0);
}

/** Unfinished versions are continued: each can be, by whatever it was stopped. */
async function finishAll(model: Model): Promise<void> {
  for (const [number, version] of model.versions.in('unfinished').entries()) {
    const end = await model.carryOut(lastOperation('continue', `${number}`, backupOf(version)));
    expect(end, `the continuation of ${version.name}`).toBe('done');
  }
  expect(model.versions.in('begun', 'unfinished'), 'versions that can not be finished').toEqual([]);
}

/** Nothing is lost, nothing is left over, and all versions restore before and after what is not needed has gone. */
async function checkAll(model: Model, lab: Lab): Promise<void> {
  const sums = model.versions.sums;
  for (const uid of sums.keys()) await lab.ok('scrub', uid);
  await lab.ok('cleanup', '--dangerous-force');
  for (const table of ['deleted_blocks', 'backy2_doomed']) expect(lab.query(`SELECT * FROM ${table}`), table).toEqual([]);
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

function failureText({ message }: Error, { model, seed, replay }: { model: Model; seed: number; replay: string }): string {
  return [
    message,
    `Seed ${seed}. Again: BACKY_TEST_SEED=${seed} ${replay}`,
    'Each worker plans the same again; when the others come to theirs is up to the machine, so it may take some runs. What each worker did:',
    model.history.byWorker(),
    model.history.table(),
  ].join('\n\n');
}
