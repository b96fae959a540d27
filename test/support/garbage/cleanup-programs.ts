import * as cleanup from './cleanup-steps.ts';
import type { Rules } from './rules.ts';
import type { Tables, Uid } from './tables.ts';
import type { Program, World } from './world.ts';

/** Largest number of blobs that a cleanup dooms together. */
const BATCH = 2;

/** `cleanup`: candidates of at least this age. */
export function* fastCleanup({ tables, rules }: World, minAge: number): Program {
  yield* deleteBytes(tables, cleanup.leftDoomed(tables));
  yield* scan(tables, rules, minAge);
  for (
    let uids = cleanup.doom(tables, BATCH, minAge, rules);
    uids.length > 0;
    uids = cleanup.doom(tables, BATCH, minAge, rules)
  ) {
    yield `cleanup: doomed ${uids}`;
    yield* deleteBytes(tables, uids);
  }
}

function* deleteBytes(tables: Tables, uids: readonly Uid[]): Program {
  for (const uid of uids) {
    tables.bytes.delete(uid);
    yield `cleanup: deleted bytes ${uid}`;
  }
  cleanup.forget(tables, uids);
  yield `cleanup: forgot ${uids}`;
}

/** Reads leaf after leaf while others write, then marks what no leaf names. */
function* scan(tables: Tables, rules: Rules, minAge: number): Program {
  let number = cleanup.listCandidates(tables);
  yield 'cleanup: listed candidates';
  const seen = new Set<number>();
  const next = rules.scansUpwards ? nextLeaf : nextLeafDown;
  for (let at = next(tables, undefined); at !== undefined; at = next(tables, at)) {
    for (const blob of tables.leaves.get(at)?.entries ?? []) seen.add(blob);
    yield `cleanup: scanned leaf ${at}`;
  }
  if (!rules.listsBeforeScan) number = cleanup.listCandidates(tables);
  yield 'cleanup: scanned all leaves';
  for (const blob of [...tables.candidates.keys()]) {
    cleanup.judgeCandidate(tables, blob, { number, seen, minAge }, rules);
    yield `cleanup: judged blob ${blob}`;
  }
}

function nextLeaf({ leaves }: Tables, after: number | undefined): number | undefined {
  for (const id of leaves.keys()) if (id > (after ?? 0)) return id;
  return undefined;
}

function nextLeafDown({ leaves }: Tables, after: number | undefined): number | undefined {
  return [...leaves.keys()].reverse().find((id) => id < (after ?? Number.POSITIVE_INFINITY));
}

/** `cleanup -f`, if nothing else runs. The installation is locked, so that it dooms nothing. */
export function* fullCleanup({ tables, rules }: World): Program {
  cleanup.addUnnamed(tables, rules);
  yield 'full cleanup: added candidates';
  yield* scan(tables, rules, 0);
  yield* deleteBytes(tables, cleanup.unnamedUids(tables));
}
