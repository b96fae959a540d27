import { expect } from 'vitest';
import { type Counted, checkAndFinish, checkEnd, copyOf, endOf, messageOf } from './after-fault.ts';
import { deal, inOrder } from './deal.ts';
import { type Place, runWithFault } from './fault-layer.ts';
import { type Case, casesOf, describeCase, FAMILIES, type Family } from './faults.ts';
import type { Operation } from './operations.ts';
import type { Outcome, Shards } from './outcome.ts';
import { sweepPower } from './power-sweep.ts';
import type { Slots } from './slots.ts';
import { follow } from './summary.ts';

/** If set, only cases whose description begins with it are tried, from all shards. */
const ONLY = process.env.BACKY_FAULT_CASE;
/** Runs for a case whose call does not come: calls that depend on timing come in one of them. */
const TRIES = 3;

/** Options of a sweep. */
interface Sweep {
  library: string;
  shards: Shards;
  seed: number;
  /** Limits how many programs run at a time. */
  slots: Slots;
  /** Safety net: when to stop, by performance.now(). Remaining points count as not reached. */
  endAt: number;
  /** Places whose calls fail; all when absent. */
  isSwept?(place: Place): boolean;
}

/** Prepares a store, and counts the calls. */
export async function count(operation: Operation, library: string): Promise<Counted> {
  const ready = await operation.prepare(operation.layout ?? 'classic');
  const lab = await copyOf(ready.lab, operation);
  try {
    const { result, calls } = await runWithFault({ lab, library }, operation.command(lab));
    expect(result, `${operation.name} without a fault: ${result.stderr}`).toMatchObject({ code: 0 });
    expect(calls, `calls of ${operation.name} that the library saw`).not.toEqual([]);
    operation.done(lab, ready.oracle);
    return { ...ready, operation, calls };
  } finally {
    lab.remove();
  }
}

/** Tries all points of an operation that are in the shard of this run. */
export async function sweepOperation(operation: Operation, options: Sweep): Promise<Outcome[]> {
  const { library, shards, seed, slots, endAt } = options;
  const counted = await slots.use(() => count(operation, library));
  try {
    const families = FAMILIES.flatMap((family) => familyOf(counted, family, options) ?? []);
    const cases = families.flatMap(({ outcome, chosen }) => chosen.map((one) => ({ outcome, one })));
    const jobs = inOrder(cases, ({ one }) => describeCase(one), seed).map(({ outcome, one }) =>
      slots.use(() => tryInto(outcome, one, { counted, library, endAt })),
    );
    const power =
      shards.power === undefined || ONLY !== undefined
        ? []
        : [slots.use(() => sweepPower(counted, { library, points: { shards: shards.power ?? 1, seed }, endAt }))];
    // All jobs must end before the lab is removed, even if one fails.
    await Promise.allSettled([...jobs, ...power]);
    await Promise.all(jobs);
    return [...families.map(({ outcome }) => outcome), ...(await Promise.all(power))];
  } finally {
    counted.lab.remove();
  }
}

/** The cases of a family that are in the shard of this run. */
function familyOf(
  { operation, calls }: Counted,
  family: Family,
  { shards, seed, isSwept = () => true }: Sweep,
): { outcome: Outcome; chosen: Case[] } | undefined {
  const count = shards[family];
  if (count === undefined) return undefined;
  const all = casesOf(family, calls).filter(({ place }) => isSwept(place));
  const chosen =
    ONLY === undefined
      ? deal(all, (one) => `${operation.name}, ${describeCase(one)}`, { shards: count, seed })
      : all.filter((one) => describeCase(one).startsWith(ONLY));
  const outcome = {
    operation: operation.name,
    family,
    possible: all.length,
    dealt: chosen.length,
    tried: 0,
    struck: 0,
    failures: [],
  };
  return { outcome, chosen };
}

/** Tries a case, unless it is too late, and adds the result to its family's outcome. */
async function tryInto(
  outcome: Outcome,
  one: Case,
  { counted, library, endAt }: Pick<Sweep, 'library' | 'endAt'> & { counted: Counted },
): Promise<void> {
  if (performance.now() > endAt) return;
  outcome.tried++;
  let struck = false;
  try {
    for (let run = 0; run < TRIES && !struck; run++) {
      await tryCase(counted, { library, one }, () => {
        struck = true;
      });
    }
  } catch (error) {
    const failure = `${counted.operation.name}, ${describeCase(one)}: ${messageOf(error)}`;
    outcome.failures.push(failure);
    follow(`FAILED ${failure}`);
  }
  if (struck) outcome.struck++;
}

/**
 * Runs the operation with a fault, and checks the store after it.
 * @param onStruck is called if the program reached the fault.
 */
async function tryCase(counted: Counted, { library, one }: { library: string; one: Case }, onStruck: () => void): Promise<void> {
  const { lab: model, operation } = counted;
  const lab = await copyOf(model, operation);
  try {
    const { result, calls, struck } = await runWithFault({ lab, library }, operation.command(lab), one);
    if (!struck) {
      const came = calls.find(({ kind, place }) => kind === one.kind && place === one.place)?.count ?? 0;
      expect(came, `calls that came, of which the fault struck none`).toBeLessThan(one.call);
      return;
    }
    onStruck();
    follow(`${operation.name}, ${describeCase(one)}: ${endOf(result)}`);
    try {
      checkEnd(result, operation, one);
      operation.checkMessage?.(lab, result.stderr);
      await checkAndFinish(lab, counted, result.code === 0);
    } catch (error) {
      throw new Error(`${messageOf(error)}\n  [exit ${result.code ?? result.signal}: ${result.stderr.slice(0, 600)}]`, {
        cause: error,
      });
    }
  } finally {
    lab.remove();
  }
}
