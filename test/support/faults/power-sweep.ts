import { expect } from 'vitest';
import { type Counted, checkAndFinish, copyOf, look, messageOf } from './after-fault.ts';
import { type Deal, deal, randomOf } from './deal.ts';
import { type Place, runWithFault } from './fault-layer.ts';
import { SKIPPED } from './faults.ts';
import type { Outcome } from './outcome.ts';
import { PowerLoss, type Record, type Rest, readJournal } from './power-loss.ts';
import { follow } from './summary.ts';

/** For each change of the program: the possible fates of unsynced changes. */
const RESTS: readonly Rest[] = ['lost', 'mixed', 'mixed', 'mixed', 'kept'];
/**
 * Share of the states, besides the last one, from which the program goes on. Only looking at a
 * state needs no call.
 */
const FINISHED = 1 / 12;

/** Which power losses to try. */
interface PowerSweep {
  library: string;
  points: Deal;
  limit?: number;
  /** Each fsync at this place reports success and does nothing: the sweep must notice. */
  without?: Place;
  /** Takes fsyncs out of the journal, as if the program had forgotten them: the same. */
  forget?(records: readonly Record[]): readonly Record[];
  /** When to stop, by performance.now(). */
  endAt?: number;
}

/** A state of the disk: the power failed after the first `count` changes. */
interface State {
  count: number;
  rest: Rest;
  name: string;
}

/**
 * Sweeps power losses. The operation runs once, with a journal. The power may fail after each of
 * its changes, so each beginning of the journal gives possible states of the disk. States after the
 * last change must contain all that was reported as done.
 */
export async function sweepPower(counted: Counted, options: PowerSweep): Promise<Outcome> {
  const { points, limit = Number.POSITIVE_INFINITY, without, forget, endAt = Number.POSITIVE_INFINITY } = options;
  const { operation } = counted;
  const lab = await copyOf(counted.lab, operation);
  try {
    const { before, records } = await journalOf(counted, lab, options);
    const states = statesOf(operation.name, records.length);
    const [last, ...others] = states;
    const chosen = deal(others, ({ name }) => name, points).slice(0, limit - 1);
    const outcome: Outcome = {
      operation: operation.name,
      family: 'power',
      possible: states.length,
      dealt: 0,
      tried: 0,
      struck: 0,
      failures: [],
    };
    outcome.dealt = chosen.length + 1;
    for (const state of last === undefined ? chosen : [last, ...chosen]) {
      if (performance.now() > endAt) break;
      const random = randomOf(state.name, points.seed);
      const power = before.copy();
      power.replay(records.slice(0, state.count));
      power.restore(state.rest, random);
      try {
        const isDone = state.count === records.length;
        if (state === last || random() < FINISHED) await checkAndFinish(lab, counted, isDone);
        else await look(lab, counted, isDone);
      } catch (error) {
        const after = records[state.count - 1];
        const failure = `${state.name} of ${records.length} (${after?.type} ${after?.from} ${after?.to}): ${messageOf(error)}`;
        outcome.failures.push(failure);
        if (without === undefined && forget === undefined) follow(`FAILED ${failure}`);
      }
      outcome.tried++;
      outcome.struck++;
    }
    return outcome;
  } finally {
    lab.remove();
  }
}

/** Runs the operation. @returns the tree before it, and its changes. */
async function journalOf(
  { operation }: Counted,
  lab: Counted['lab'],
  { library, without, forget = (records) => records }: PowerSweep,
): Promise<{ before: PowerLoss; records: readonly Record[] }> {
  // Comes first: looking up a uid leaves a WAL whose name the journal would lack.
  const command = operation.command(lab);
  const before = new PowerLoss(lab.folder);
  const journal = lab.path('home/journal');
  const fault = without && { kind: 'fsync', place: without, call: 1, fault: SKIPPED };
  const { result } = await runWithFault({ lab, library, journal }, command, fault);
  expect(result, result.stderr).toMatchObject({ code: 0 });
  const records = forget(readJournal(journal));
  expect(records.length, `changes that ${operation.name} made`).toBeGreaterThan(0);
  return { before, records };
}

/**
 * All states. The first is the one after the last change with all unsynced changes lost: each run
 * covers it.
 */
function statesOf(operation: string, changes: number): State[] {
  return Array.from({ length: changes + 1 }, (_, left) => changes - left).flatMap((count) =>
    RESTS.map((rest, index) => ({ count, rest, name: `${operation}, power loss ${index + 1} (${rest}) after change ${count}` })),
  );
}
