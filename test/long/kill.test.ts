import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { changedRanges } from '../support/images/hints.ts';
import { noise, runSeed, seededRandom } from '../support/images/random.ts';
import { sha256, sha256OfFile } from '../support/images/sha256.ts';
import { checkStoreAndCleanUp, checkStored } from '../support/labs/check-store.ts';
import { Lab } from '../support/labs/lab.ts';
import { amount } from '../support/stores/amount.ts';

/**
 * Kills per scenario. The fault sweep (test/faults) kills before and after each call that changes
 * something.
 */
const LONG = Boolean(process.env.BACKY_LONG_TESTS);
const KILLS = LONG ? 80 : 9;
const SEED = runSeed();
const BLOCK = 4096;
const BLOCKS = amount({ files: LONG ? 1000 : 400, servers: 100 });
const TENTH = BLOCKS / 10;
/** Blobs of the version `other`. */
const OTHER_BLOBS = 1.5 * TENTH;

const random = seededRandom(SEED);
const oldImage = noise(BLOCKS * BLOCK - 100, `old ${SEED}`);
const newImage = changed(oldImage);

/** The command to kill, and the recovery after it. */
interface Scenario {
  what: string;
  /** Prepares a copy of the basic store. */
  prepare?(lab: Lab): Promise<void>;
  /** The words of the command that is killed. */
  command(lab: Lab): string[];
  /** Completes the interrupted work. The invariant is checked before and after. */
  finish(lab: Lab, oracle: Map<string, string>): Promise<void>;
}

/** A store with two versions: `first` of the old image, `other` of an image that shares blocks. */
let basic: Lab;
let first: string;
let other: string;
const oracle = new Map<string, string>();

beforeAll(async () => {
  basic = await Lab.create({ blockSize: BLOCK, workers: 2 });
  const otherImage = Buffer.concat([oldImage.subarray(0, TENTH * BLOCK), noise((TENTH / 2) * BLOCK, `other ${SEED}`)]);
  first = await basic.backup(`file://${basic.write('old', oldImage)}`, 'vm');
  other = await basic.backup(`file://${basic.write('other', otherImage)}`, 'other');
  oracle.set(first, sha256(oldImage));
  oracle.set(other, sha256(otherImage));
  basic.write('new', newImage);
  basic.write('hints', JSON.stringify(changedRanges(oldImage, newImage)));
  await basic.ok('export', first, basic.path('first.csv'));
}, 300_000);
afterAll(() => basic.remove());

const plain = (lab: Lab) => ['backup', `file://${lab.path('new')}`, 'killed'];
const hinted = (lab: Lab) => ['backup', '-r', lab.path('hints'), '-f', first, `file://${lab.path('new')}`, 'killed'];

const SCENARIOS: Scenario[] = [
  { what: 'a backup', command: plain, finish: (lab, known) => continueBackups(lab, known, plain(lab)) },
  { what: 'a backup with hints and a base', command: hinted, finish: (lab, known) => continueBackups(lab, known, hinted(lab)) },
  {
    what: 'a backup that is continued',
    prepare: async (lab) => {
      const running = lab.start(plain(lab));
      await rowsThere(lab, () => running.hasEnded);
      running.kill('SIGKILL');
      await running.ended;
    },
    command: (lab) => {
      const [version] = lab.versions().filter(({ name, valid }) => name === 'killed' && valid === 0);
      return version === undefined ? plain(lab) : ['backup', '-c', version.uid, ...plain(lab).slice(1)];
    },
    finish: (lab, known) => continueBackups(lab, known, plain(lab)),
  },
  {
    what: 'a restore',
    command: (lab) => ['restore', first, `file://${lab.path('target')}`],
    finish: async (lab) => {
      await lab.ok('restore', '-f', first, `file://${lab.path('target')}`);
      expect(sha256OfFile(lab.path('target'))).toBe(sha256(oldImage));
    },
  },
  {
    what: 'a restore in place',
    prepare: async (lab) => {
      lab.write(
        'target',
        oldImage.map((byte, at) => (at % (3 * BLOCK) === 0 ? byte ^ 1 : byte)),
      );
    },
    command: (lab) => ['restore', '-f', '--delta', first, `file://${lab.path('target')}`],
    finish: async (lab) => {
      await lab.ok('restore', '-f', '--delta', first, `file://${lab.path('target')}`);
      expect(sha256OfFile(lab.path('target'))).toBe(sha256(oldImage));
    },
  },
  {
    what: 'an rm',
    command: () => ['rm', first],
    finish: async (lab) => {
      if (lab.versions().some(({ uid }) => uid === first)) await lab.ok('rm', first);
      expect(lab.blocks(first)).toEqual([]);
      expect(lab.versions().map(({ uid }) => uid)).toEqual([other]);
      await lab.ok('cleanup', '--dangerous-force');
    },
  },
  {
    what: 'a cleanup',
    prepare: async (lab) => {
      await lab.ok('rm', first);
    },
    command: () => ['cleanup', '--dangerous-force'],
    finish: async (lab) => {
      await lab.ok('cleanup', '--dangerous-force');
      expect(lab.candidates()).toEqual([]);
      expect(lab.query('SELECT * FROM backy2_doomed')).toEqual([]);
      expect(lab.blobs()).toHaveLength(OTHER_BLOBS);
    },
  },
  {
    what: 'a full cleanup',
    prepare: async (lab) => {
      await lab.ok('rm', first);
    },
    command: () => ['cleanup', '-f'],
    finish: async (lab) => {
      await lab.ok('cleanup', '-f', '--yes-delete', '1000000');
      expect(lab.blobs()).toHaveLength(OTHER_BLOBS);
    },
  },
  {
    what: 'an import',
    prepare: async (lab) => {
      await lab.ok('rm', first);
    },
    command: (lab) => ['import', lab.path('first.csv')],
    finish: async (lab) => {
      const there = lab.versions().some(({ uid }) => uid === first);
      expect(lab.blocks(first)).toHaveLength(there ? BLOCKS : 0);
      if (!there) await lab.ok('import', lab.path('first.csv'));
    },
  },
];

describe(`kill -9 at ${KILLS} random moments (seed ${SEED}; BACKY_TEST_SEED repeats it)`, () => {
  describe.each(SCENARIOS.map((scenario, index) => ({ ...scenario, index })))(
    'of $what',
    ({ prepare, command, finish, index }) => {
      let ready: Lab;
      let durationMs: number;
      beforeAll(async () => {
        ready = prepare === undefined ? basic : await basic.clone('linked');
        await prepare?.(ready);
        durationMs = await measure(ready, command);
      }, 300_000);
      afterAll(() => {
        if (ready !== basic) ready.remove();
      });

      test.for(shares(index))(
        'leaves a sound store that can go on: kill at %f of its time',
        { timeout: 300_000 },
        async (share) => {
          const lab = await ready.clone('linked');
          try {
            const known = new Map(oracle);
            const running = lab.start(command(lab));
            await sleep(share * durationMs);
            running.kill('SIGKILL');
            const result = await running.ended;
            expect(result).toMatchObject(result.signal === null ? { code: 0 } : { signal: 'SIGKILL' });
            noteFinished(lab, known);
            checkStored(lab, known);
            await finish(lab, known);
            await checkStoreAndCleanUp(lab, known);
            expect(lab.lockFiles().filter((name) => !isLockOfKilled(name))).toEqual([]);
          } finally {
            lab.remove();
          }
        },
      );
    },
  );
});

/** Moments of kills, as shares of the command's duration. Start-up takes 0.1 s. */
function shares(scenario: number): number[] {
  const count = Math.floor((KILLS + SCENARIOS.length - 1 - scenario) / SCENARIOS.length);
  return Array.from({ length: count }, (_, index) => Number(((index + random()) / count).toFixed(3)));
}

async function measure(ready: Lab, command: (lab: Lab) => string[]): Promise<number> {
  const lab = await ready.clone('linked');
  try {
    const words = command(lab);
    const start = performance.now();
    await lab.ok(...words);
    return performance.now() - start;
  } finally {
    lab.remove();
  }
}

/** A backup that ended before the kill is already valid. */
function noteFinished(lab: Lab, known: Map<string, string>): void {
  for (const { uid, name, valid } of lab.versions()) if (name === 'killed' && valid === 1) known.set(uid, sha256(newImage));
}

async function continueBackups(lab: Lab, known: Map<string, string>, words: string[]): Promise<void> {
  for (const { uid } of lab.versions().filter(({ valid }) => valid === 0)) {
    const continued = await lab.backup('-c', uid, ...words.slice(1));
    expect(continued).toBe(uid);
    known.set(uid, sha256(newImage));
    expect(lab.version(uid).valid).toBe(1);
    const [stats] = lab.query<Record<string, number>>('SELECT * FROM stats WHERE version_uid = ?', uid);
    const { blocks_written = 0, blocks_found_dedup = 0, blocks_sparse = 0 } = stats ?? {};
    expect(blocks_written + blocks_found_dedup + blocks_sparse, 'blocks that the stats count').toBe(lab.version(uid).size);
  }
}

/** Resolves when the killed backup has some rows, or when it has ended. */
async function rowsThere(lab: Lab, hasEnded: () => boolean): Promise<void> {
  const count = () => lab.versions().reduce((n, { uid, name }) => n + (name === 'killed' ? lab.blocks(uid).length : 0), 0);
  while (!hasEnded() && count() === 0) await sleep(20);
}

/** Whether a file is a lock that a killed process may leave behind: nobody holds it. */
function isLockOfKilled(name: string): boolean {
  return /^backy_(backy|backy-operations|backy-cleanup-fast|[0-9a-f-]{36})\.lock$/.test(name);
}

/** The next state of an image: some blocks written, some zeroed, some copied, the end grown. */
function changed(image: Buffer): Buffer {
  const next = Buffer.concat([image, noise(37 * BLOCK, `growth ${SEED}`)]);
  for (let n = 0; n < BLOCKS / 2; n++) {
    const at = Math.floor(random() * (BLOCKS - 2)) * BLOCK + Math.floor(random() * BLOCK);
    noise(1 + Math.floor(random() * BLOCK), `edit ${SEED} ${n}`).copy(next, at);
  }
  next.fill(0, TENTH * BLOCK, 2 * TENTH * BLOCK);
  image.copy(next, 3 * TENTH * BLOCK, 0, (TENTH / 2) * BLOCK);
  return next;
}
