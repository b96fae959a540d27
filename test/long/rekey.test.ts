import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noise, runSeed, seededRandom } from '../support/images/random.ts';
import { sha256 } from '../support/images/sha256.ts';
import { encrypted, KEY_A, KEY_B } from '../support/labs/encryption.ts';
import { Lab } from '../support/labs/lab.ts';
import { amount } from '../support/stores/amount.ts';

const BLOCK = 4096;
const KILLS = process.env.BACKY_LONG_TESTS ? 30 : 3;
const SEED = runSeed();
const random = seededRandom(SEED);
const image = Buffer.concat([noise(40 * BLOCK, 'rekey'), Buffer.alloc(2 * BLOCK)]);

/** A store with a plain version and two encrypted ones; their key is A, the config has B. */
let basic: Lab;
let sealed: string;
beforeAll(async () => {
  basic = await Lab.create({});
  const source = `file://${basic.write('image', image)}`;
  await basic.backup(source, 'plain');
  basic.configure(encrypted(KEY_A));
  sealed = await basic.backup(source, 'vm');
  await basic.backup(source, 'vm');
});
afterAll(() => basic.remove());

/** Runs `body` with a copy of the store. */
async function withCopy(body: (lab: Lab) => Promise<void>): Promise<void> {
  const lab = await basic.clone('linked');
  try {
    lab.configure(encrypted(KEY_B));
    await body(lab);
  } finally {
    lab.remove();
  }
}

const keysOf = (lab: Lab) =>
  lab
    .query<{ key: string }>("SELECT enc_envkey AS key FROM blocks WHERE enc_version = 1 AND uid <> '' ORDER BY version_uid, id")
    .map(({ key }) => key);

describe('rekey', () => {
  test.each([
    ['the argument', [KEY_A], {}],
    ['a file', ['--old-key-file', 'old-key'], {}],
    ['the environment', [], { BACKY2_OLD_KEY: KEY_A }],
  ])('takes the old key from %s, and changes nothing but the wrapped keys', (_, args, env) =>
    withCopy(async (lab) => {
      lab.write('old-key', `${KEY_A}\n`);
      const before = lab.dump();
      const { code, stdout } = await lab.run(['rekey', ...args], { env });
      expect(code).toBe(0);
      expect(stdout).toContain(
        'Rekeying successful: 80 rekeyed, 6 sparse/ignored, 40 unable to rekey (wrong encryption version).',
      );
      expect(withoutKeys(lab.dump())).toEqual(withoutKeys(before));
      await lab.ok('scrub', '-s', `file://${basic.path('image')}`, sealed);
      expect(await lab.restoredSha256(sealed)).toBe(sha256(image));
      lab.configure(encrypted(KEY_A));
      expect(await lab.run(['scrub', sealed])).toMatchObject({ code: 100 });
    }),
  );

  test.each([
    ['a wrong old key', ['1'.repeat(64)], 100, /old key is not the one/],
    ['a key that is no hex text', ['x'.repeat(64)], 2, /not 64 hex digits/],
    ['a short key', ['abcd'], 2, /not 64 hex digits/],
    ['no old key', [], 2, /old key is missing/],
    ['a file that is not there', ['--old-key-file', 'nothing'], 100, /Cannot read the old key from nothing/],
    ['two old keys', ['--old-key-file', 'old-key', KEY_A], 2, /not both/],
  ])('%s changes nothing and is not shown', (_, args, exitCode, message) =>
    withCopy(async (lab) => {
      const before = lab.dump();
      const { code, stdout, stderr } = await lab.run(['rekey', ...args]);
      expect(code).toBe(exitCode);
      expect(stderr).toMatch(message);
      expect(lab.dump()).toEqual(before);
      for (const secret of args.filter((word) => word.length >= 64)) expect(stdout + stderr + lab.log()).not.toContain(secret);
    }),
  );

  test('one damaged key stops it with nothing changed; if a scrub has marked the row, it is left unchanged', () =>
    withCopy(async (lab) => {
      const damaged = 'ab'.repeat(40);
      const [{ uid: blob } = { uid: '' }] = lab.query<{ uid: string }>(
        'SELECT uid FROM blocks WHERE version_uid = ? AND id = 30',
        sealed,
      );
      lab.sql('UPDATE blocks SET enc_envkey = ? WHERE uid = ?', damaged, blob);
      const before = lab.dump();
      const { code, stderr } = await lab.run(['rekey', KEY_A]);
      expect(code).toBe(100);
      expect(stderr).toContain(`does not unwrap the key of block 30 of version ${sealed}. Nothing was changed.`);
      expect(lab.dump()).toEqual(before);
      lab.configure(encrypted(KEY_A));
      expect(await lab.run(['scrub', sealed])).toMatchObject({ code: 20 });
      lab.configure(encrypted(KEY_B));
      expect(await lab.ok('rekey', KEY_A)).toMatch(/2 invalid blocks were left unchanged/);
      expect(keysOf(lab).filter((key) => key === damaged)).toHaveLength(2);
    }));

  test('needs exclusive access', () =>
    withCopy(async (lab) => {
      const before = lab.dump();
      const lock = lab.path('locks/backy_backy.lock');
      const { code, stderr } = await lab.run(['rekey', KEY_A], { prefix: ['flock', '-n', lock] });
      expect(code).toBe(100);
      expect(stderr).toContain('requires exclusive access');
      expect(lab.dump()).toEqual(before);
    }));

  test('hides the old key from the process list, and handles a signal while it works', () =>
    withCopy(async (lab) => {
      const before = lab.dump();
      // Another program writes: rekey waits for it.
      const release = lab.store.holdDatabase();
      const running = lab.start(['rekey', KEY_A]);
      const commandLine = () => readFileSync(`/proc/${running.pid}/cmdline`, 'latin1');
      while (!running.stdout.includes('rekey')) await sleep(20);
      expect(commandLine()).not.toContain(KEY_A.slice(0, 16));
      running.kill('SIGTERM');
      await sleep(500);
      release();
      expect(await running.ended).toMatchObject({ code: 143 });
      expect(lab.dump()).toEqual(before);
    }));

  describe(`killed at ${KILLS} random moments (seed ${SEED}; BACKY_TEST_SEED repeats it)`, () => {
    test.for(Array.from({ length: KILLS }, (_, n) => Number(((n + random()) / KILLS).toFixed(3))))(
      'is done or not begun, and can be done: kill at %f of its time',
      (share) =>
        withCopy(async (lab) => {
          const old = keysOf(lab);
          const running = lab.start(['rekey', KEY_A]);
          await sleep(share * amount({ files: 600, servers: 900 }));
          running.kill('SIGKILL');
          await running.ended;
          const now = keysOf(lab);
          const changed = now.filter((key, row) => key !== old[row]).length;
          expect([0, old.length]).toContain(changed);
          if (changed === 0) await lab.ok('rekey', KEY_A);
          await lab.ok('scrub', sealed);
        }),
    );
  });
});

function withoutKeys(dump: Record<string, unknown[]>) {
  return { ...dump, blocks: (dump.blocks ?? []).map((row) => ({ ...(row as object), enc_envkey: null })) };
}
