import { describe, expect, it } from 'vitest';
import { checkNothingLeaked, checkNothingLost } from '../../../support/garbage/checks.ts';
import { fastCleanup, fullCleanup } from '../../../support/garbage/cleanup-programs.ts';
import { backup, removal } from '../../../support/garbage/programs.ts';
import { ALL_RULES, type Rules } from '../../../support/garbage/rules.ts';
import { findViolation } from '../../../support/garbage/run.ts';
import { newWorld, type Program } from '../../../support/garbage/world.ts';
import { runSeed } from '../../../support/images/random.ts';

const SEED = runSeed();
const STEPS = 150;
/** Each wrong rule below breaks at least one run of 50: a miss is practically impossible. */
const RUNS = 3_000;

describe(`a model of the garbage protocol (seed ${SEED}; BACKY_TEST_SEED repeats it)`, () => {
  it('loses no block and leaks no blob, whatever the order of backups, removals and cleanups, and wherever they are killed', () => {
    expect(findViolation(ALL_RULES, SEED, { runs: RUNS, steps: STEPS })).toBeUndefined();
  });

  const broken: [keyof Rules, RegExp][] = [
    ['rescue', /^lost/],
    ['refusal', /^lost/],
    ['lastRowOfUid', /^lost/],
    ['listsBeforeScan', /^(lost|leaked)/],
    ['judgesOnlyListed', /^(lost|leaked)/],
    ['unlists', /^(lost|leaked)/],
    ['removesAtOnce', /^(lost|leaked)/],
  ];
  it.each(broken)('needs the rule %s', (rule, kind) => {
    expect(findViolation({ ...ALL_RULES, [rule]: false }, SEED, { runs: RUNS, steps: STEPS })).toMatch(kind);
  });
});

/** Lets a program go on until it has done this step, or to its end. */
function advance(program: Program, step?: string): void {
  for (let next = program.next(); !next.done; next = program.next())
    if (step !== undefined && next.value.startsWith(step)) return;
}

const IMAGE = [
  [1, 2],
  [3, 4],
];

describe('the garbage protocol', () => {
  const backUpAfterKilledCleanup = (rules: Rules) => () => {
    const world = newWorld(rules, () => 0);
    advance(backup(world, IMAGE, undefined));
    for (const version of [...world.tables.versions]) advance(removal(world, version));
    advance(fullCleanup(world), 'cleanup: deleted bytes');
    advance(backup(world, IMAGE, undefined));
    checkNothingLost(world.tables);
    checkNothingLeaked(world);
  };

  it('uses no blob whose bytes a killed full cleanup has deleted, because commits refuse unused blobs', () => {
    expect(backUpAfterKilledCleanup(ALL_RULES)).not.toThrow();
    expect(backUpAfterKilledCleanup({ ...ALL_RULES, refusesUnused: false })).toThrow(/^lost/);
  });

  /** A part of a leaf is copied, and its version removed, while a cleanup reads leaves. */
  const takeOverDuringScan = (rules: Rules) => () => {
    const world = newWorld(rules, () => 0);
    advance(backup(world, IMAGE, undefined));
    advance(backup(world, [...IMAGE].reverse(), undefined));
    const [first, base] = world.tables.versions;
    if (first === undefined || base === undefined) throw new Error('no versions');
    // Its blobs become candidates, although the other version has them in other places.
    advance(removal(world, first));
    const cleanup = fastCleanup(world, 0);
    advance(cleanup, 'cleanup: scanned leaf');
    const next = backup(
      world,
      [
        [3, 4],
        [1, 5],
      ],
      base,
    );
    advance(next, 'backup');
    advance(next, `backup ${world.tables.versions.at(-1)?.id}: discarded`);
    advance(removal(world, base));
    advance(cleanup);
    checkNothingLost(world.tables);
  };

  it('sees blobs of leaves that are copied and removed during a scan, because it reads upwards', () => {
    expect(takeOverDuringScan(ALL_RULES)).not.toThrow();
    expect(takeOverDuringScan({ ...ALL_RULES, scansUpwards: false })).toThrow(/^lost/);
  });
});
