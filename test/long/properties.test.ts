import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type HintStyle, hintsCovering } from '../support/images/hints.ts';
import { type Edit, edit, edited } from '../support/images/image-edits.ts';
import { runSeed } from '../support/images/random.ts';
import { sha256 } from '../support/images/sha256.ts';
import { checkStoreAndCleanUp } from '../support/labs/check-store.ts';
import { type Lab, withLab } from '../support/labs/lab.ts';
import { callsVary } from '../support/runner/costs/spent.ts';
import { amount } from '../support/stores/amount.ts';

callsVary();

const FEW = amount({ files: 3, servers: 2 });
const LONG = Boolean(process.env.BACKY_LONG_TESTS);
/** Number of stories, and how many of them run even if time is up. */
const [STORIES, LEAST] = LONG ? [40, 8] : [FEW, FEW];
/** A safety net: no machine needs this long. */
const SECONDS = 3000;
const SEED = runSeed();
const MAX_BLOCKS = 40;
const MOST_VERSIONS = 20;

/** A step in the life of a store. Numbers from 0 to below 1 pick one of the existing versions. */
type Step =
  | { kind: 'backup'; edits: Edit[]; base: number | undefined; style: HintStyle }
  | { kind: 'rm'; pick: number }
  | { kind: 'cleanup'; full: boolean };

interface Story {
  blockSize: number;
  deduplication: number;
  workers: number;
  steps: Step[];
}

const share = fc.double({ min: 0, max: 0.999, noNaN: true });

function style(blockSize: number): fc.Arbitrary<HintStyle> {
  return fc.record({
    padding: fc.oneof(fc.constant(0), fc.nat({ max: 2 * blockSize })),
    overlap: fc.oneof(fc.constant(0), fc.nat({ max: blockSize })),
    namesHoles: fc.boolean(),
    namesGrowth: fc.boolean(),
    reversed: fc.boolean(),
  });
}

function step(blockSize: number): fc.Arbitrary<Step> {
  const backup = fc.record({
    kind: fc.constant('backup' as const),
    edits: fc.array(edit(blockSize, MAX_BLOCKS), { maxLength: 6, size: 'max' }),
    base: fc.option(share, { nil: undefined, freq: 4 }),
    style: style(blockSize),
  });
  const rm = fc.record({ kind: fc.constant('rm' as const), pick: share });
  const cleanup = fc.record({ kind: fc.constant('cleanup' as const), full: fc.boolean() });
  return fc.oneof({ arbitrary: backup, weight: 6 }, { arbitrary: rm, weight: 2 }, { arbitrary: cleanup, weight: 1 });
}

const story: fc.Arbitrary<Story> = fc.constantFrom(512, 4096).chain((blockSize) =>
  fc.record({
    blockSize: fc.constant(blockSize),
    deduplication: fc.constantFrom(1, 1, 1, 0),
    workers: fc.integer({ min: 1, max: 3 }),
    steps: fc.array(step(blockSize), { minLength: 12, maxLength: 34, size: 'max' }),
  }),
);

test(`after any backups, hints, removals and cleanups, every remaining version restores and scrubs, and only its blobs remain (seed ${SEED}; BACKY_TEST_SEED repeats it)`, {
  timeout: (SECONDS + 600) * 1000,
}, async () => {
  const endAt = performance.now() + SECONDS * 1000;
  let lived = 0;
  const unlessLate = async (one: Story) => {
    if (lived >= LEAST && performance.now() > endAt) return;
    await live(one);
    lived++;
  };
  await fc.assert(fc.asyncProperty(story, unlessLate), { seed: SEED, numRuns: STORIES, endOnFailure: !LONG });
  if (lived < STORIES) process.stdout.write(`\nStories: ${lived} lived through, ${STORIES - lived} not reached\n`);
  expect(lived).toBeGreaterThanOrEqual(LEAST);
});

/** A version in its expected state. */
interface Known {
  uid: string;
  image: Buffer;
}

async function live({ blockSize, deduplication, workers, steps }: Story): Promise<void> {
  await withLab({ blockSize, config: { DEFAULTS: { deduplication, workers } } }, async (lab) => {
    let image = edited(Buffer.alloc(7 * blockSize), { kind: 'write', place: 0, length: 5 * blockSize, content: 0 }, blockSize);
    let known: Known[] = [];
    let made = 0;
    for (const next of steps) {
      if (next.kind === 'backup') {
        if (made++ >= MOST_VERSIONS) continue;
        image = next.edits.reduce((before, change) => edited(before, change, blockSize), image);
        known.push({ uid: await backup(lab, { image, step: next, known }), image });
      } else if (next.kind === 'rm') {
        const gone = picked(known, next.pick);
        if (gone === undefined) continue;
        await lab.ok('rm', gone.uid);
        known = known.filter((version) => version !== gone);
      } else await lab.ok('cleanup', next.full ? '-f' : '--dangerous-force');
    }
    expect(lab.versions().map(({ uid, valid }) => ({ uid, valid }))).toEqual(known.map(({ uid }) => ({ uid, valid: 1 })));
    await checkStoreAndCleanUp(lab, new Map(known.map(({ uid, image: bytes }) => [uid, sha256(bytes)])));
  });
}

async function backup(
  lab: Lab,
  { image, step: { base, style: how }, known }: { image: Buffer; step: Extract<Step, { kind: 'backup' }>; known: Known[] },
): Promise<string> {
  const source = `file://${lab.write('image', image)}`;
  const from = base === undefined ? undefined : picked(known, base);
  if (from === undefined) return lab.backup(source, 'vm');
  const hints = lab.write('hints', JSON.stringify(hintsCovering(from.image, image, how), undefined, how.reversed ? 2 : 0));
  return lab.backup('-r', hints, '-f', from.uid, source, 'vm');
}

function picked(known: readonly Known[], pick: number): Known | undefined {
  return known[Math.floor(pick * known.length)];
}
