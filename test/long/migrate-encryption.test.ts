import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noise, runSeed, seededRandom } from '../support/images/random.ts';
import { sha256 } from '../support/images/sha256.ts';
import { encrypted, KEY_A } from '../support/labs/encryption.ts';
import { Lab, uidOf, withLab } from '../support/labs/lab.ts';
import { amount } from '../support/stores/amount.ts';

const BLOCK = 4096;
const KILLS = process.env.BACKY_LONG_TESTS ? 15 : 3;
const SEED = runSeed();
const random = seededRandom(SEED);

/** Some blocks twice, some zero, the last one cut. */
const image = Buffer.concat([
  noise(60 * BLOCK, 'migrate'),
  Buffer.alloc(5 * BLOCK),
  noise(20 * BLOCK, 'migrate'),
  noise(99, 'end'),
]);
const plainWithKey = { DEFAULTS: { encryption_version: 0, encryption_key: KEY_A } };

/** Makes a backup of the image. */
const backup = (lab: Lab) =>
  lab.backup('-s', 'snap', '-t', 'a,b', '-e', '2031-02-03 04:05:06', `file://${lab.write('image', image)}`, 'vm');
const migrate = async (lab: Lab, uid: string) => uidOf(await lab.ok('-m', 'migrate-encryption', uid));

describe('migrate-encryption', () => {
  test('encrypts a version of a store that has no encrypted block, and decrypts it again', () =>
    withLab({}, async (lab) => {
      const plain = await backup(lab);
      lab.configure(encrypted());
      const sealed = await migrate(lab, plain);
      expect(encVersions(lab, sealed)).toEqual([1]);
      // Equal blocks are stored once, zero blocks not at all.
      expect(lab.blobs()).toHaveLength(2 * 61);
      const { uid, date, ...copied } = lab.version(sealed);
      const { uid: _, date: then, ...origin } = lab.version(plain);
      expect(copied).toEqual(origin);
      expect(date > then).toBe(true);
      expect(lab.tags(uid)).toEqual(['a', 'b', 'migrated-encryption-to-1']);
      expect(await lab.restoredSha256(sealed)).toBe(sha256(image));
      await lab.ok('scrub', '-s', `file://${lab.path('image')}`, sealed);
      // It does not need the old version and its blobs.
      await lab.ok('rm', plain);
      await lab.ok('cleanup', '-f');
      await lab.ok('scrub', sealed);
      lab.configure(plainWithKey);
      const again = await migrate(lab, sealed);
      expect(encVersions(lab, again)).toEqual([0]);
      await lab.ok('scrub', again);
      expect(lab.tags(again)).toContain('migrated-encryption-to-0');
      expect(lab.query('SELECT * FROM backy2_migrations')).toEqual([]);
      expect(lab.query('SELECT * FROM stats WHERE version_uid IN (?, ?)', sealed, again)).toEqual([]);
    }));

  test('reuses blobs that exist in that form, and stores missing ones', () =>
    withLab({}, async (lab) => {
      const plain = await backup(lab);
      lab.configure(encrypted());
      const other = await lab.backup(`file://${lab.write('other', image.subarray(0, 30 * BLOCK))}`, 'other');
      const gone = lab.store.showsDamage ? 1 : 0;
      if (gone > 0) lab.blobAt(other, 7).remove();
      const { stdout } = await lab.run(['--json', 'migrate-encryption', plain]);
      expect(JSON.parse(stdout)).toMatchObject({ size: 86, blocks_written: 31 + gone, blocks_reused: 50 - gone, errors: [] });
      const [, , sealed] = lab.versions();
      await lab.ok('scrub', sealed?.uid ?? '');
      // A copy of encrypted data needs no new blob.
      const before = lab.blobs();
      const copy = await migrate(lab, sealed?.uid ?? '');
      expect(lab.blobs()).toEqual(before);
      expect(await lab.restoredSha256(copy)).toBe(sha256(image));
    }));

  test('reports bad blocks and leaves the new version invalid; once they are repaired it resumes it', () =>
    withLab({}, async (lab) => {
      const plain = await backup(lab);
      const [missing, flipped] = [lab.blobAt(plain, 3), lab.blobAt(plain, 30)];
      const [goodMissing, goodFlipped] = [missing.read(), flipped.read()];
      missing.remove();
      flipped.write(noise(BLOCK, 'damage'));
      lab.configure(encrypted());
      const first = await lab.run(['--json', 'migrate-encryption', plain]);
      expect(first.code).toBe(20);
      const { uid, errors } = JSON.parse(first.stdout) as { uid: string; errors: { id: number; problem: string }[] };
      // Block 68 is the same as block 3.
      expect(errors.map(({ id, problem }) => [id, problem]).sort()).toEqual([
        [3, 'missing'],
        [30, 'checksum'],
        [68, 'missing'],
      ]);
      expect(first.stderr).toMatch(/Blob is missing during migration for block 3 /);
      expect([lab.version(uid).valid, lab.version(plain).valid]).toEqual([0, 0]);
      missing.write(goodMissing);
      flipped.write(goodFlipped);
      const blobs = lab.blobs();
      expect(await migrate(lab, plain)).toBe(uid);
      expect(lab.blobs()).toHaveLength(blobs.length + 2);
      expect(lab.version(uid).valid).toBe(1);
      expect(await lab.restoredSha256(uid)).toBe(sha256(image));
    }));

  test('an empty image, and one of zeros alone', () =>
    withLab({}, async (lab) => {
      const empty = await lab.backup(`file://${lab.write('empty', '')}`, 'empty');
      const zeros = await lab.backup(`file://${lab.write('zeros', Buffer.alloc(3 * BLOCK + 5))}`, 'zeros');
      lab.configure(encrypted());
      for (const uid of [empty, zeros]) await lab.ok('scrub', await migrate(lab, uid));
      expect(lab.blobs()).toEqual([]);
    }));

  test('an unknown version is an error', () =>
    withLab({}, async (lab) => {
      expect(await lab.run(['migrate-encryption', 'nothing'])).toMatchObject({ code: 100 });
    }));
});

describe(`migrate-encryption killed at ${KILLS} random moments (seed ${SEED}; BACKY_TEST_SEED repeats it)`, () => {
  let ready: Lab;
  let plain: string;
  let durationMs: number;
  const count = amount({ files: 600, servers: 50 });
  const big = noise(count * BLOCK, 'big');
  beforeAll(async () => {
    ready = await Lab.create({ workers: 2 });
    plain = await ready.backup(`file://${ready.write('big', big)}`, 'vm');
    const lab = await ready.clone('linked');
    lab.configure(encrypted());
    const start = performance.now();
    await lab.ok('migrate-encryption', plain);
    durationMs = performance.now() - start;
    lab.remove();
  }, 300_000);
  afterAll(() => ready.remove());

  test.for(Array.from({ length: KILLS }, (_, n) => Number(((n + random()) / KILLS).toFixed(3))))(
    'leaves a sound store, and the next call continues it: kill at %f of its time',
    { timeout: 300_000 },
    async (share) => {
      const lab = await ready.clone('linked');
      try {
        lab.configure(encrypted());
        const running = lab.start(['migrate-encryption', plain]);
        await sleep(share * durationMs);
        running.kill('SIGKILL');
        await running.ended;
        for (const { uid, valid } of lab.versions()) if (valid === 1) await lab.ok('scrub', uid);
        const isDone = lab.versions().every(({ valid }) => valid === 1) && lab.versions().length === 2;
        const left = lab.versions().find(({ valid }) => valid === 0)?.uid;
        if (!isDone) {
          const uid = await migrate(lab, plain);
          if (left !== undefined) expect(uid).toBe(left);
        }
        // One complete copy; no partial one beside it.
        expect(lab.versions().map(({ valid }) => valid)).toEqual([1, 1]);
        const copy = lab.versions().find(({ uid }) => uid !== plain)?.uid ?? '';
        expect(encVersions(lab, copy)).toEqual([1]);
        await lab.ok('cleanup', '-f');
        expect(lab.blobs()).toHaveLength(2 * count);
        expect(await lab.restoredSha256(copy)).toBe(sha256(big));
      } finally {
        lab.remove();
      }
    },
  );
});

function encVersions(lab: Lab, uid: string): number[] {
  const rows = lab.query<{ enc: number }>(
    'SELECT DISTINCT enc_version AS enc FROM blocks WHERE version_uid = ? AND uid IS NOT NULL ORDER BY enc_version',
    uid,
  );
  return rows.map(({ enc }) => enc);
}
