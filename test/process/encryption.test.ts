import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { sha256, sha256OfFile } from '../support/images/sha256.ts';
import { decodedSha256, encrypted, KEY_A, KEY_B, PYTHON } from '../support/labs/encryption.ts';
import { type Lab, type StoredBlob, uidOf, withLab } from '../support/labs/lab.ts';
import { lacking, needTool } from '../support/runner/machine.ts';
import { ROTATION } from '../support/runner/rotation.ts';
import { amount } from '../support/stores/amount.ts';
import { filesOnly } from '../support/stores/files-only.ts';

const BLOCK = 4096;
/** Distance between damaged bytes. The first one moves on with each commit. */
const STEP = amount({ files: 40, servers: 80 });
const FIRST = ROTATION === 'all' ? 0 : ROTATION % STEP;

/** Random, compressible and zero blocks, a repeated one, and a short last one. */
const image = Buffer.concat([
  noise(5 * BLOCK, 'encryption'),
  Buffer.alloc(2 * BLOCK, 'compressible 16 '),
  Buffer.alloc(3 * BLOCK),
  noise(BLOCK, 'encryption').subarray(0, BLOCK),
  noise(BLOCK - 333, 'end'),
]);

const otherDecoder = lacking(await needTool(PYTHON, '-c', 'import cryptography'), await needTool('zstd', '--version'));

describe('encrypted backups', () => {
  test.skipIf(otherDecoder.skip)(
    `are decoded by an independent implementation: plain, encrypted and mixed versions${otherDecoder.note}`,
    () =>
      withLab({}, async (lab) => {
        const source = `file://${lab.write('image', image)}`;
        const plain = await lab.backup(source, 'vm');
        lab.configure(encrypted());
        const sealed = await lab.backup(source, 'vm');
        const changed = Buffer.concat([noise(BLOCK, 'changed'), image.subarray(BLOCK)]);
        lab.write('changed', changed);
        lab.write('hints', JSON.stringify([{ offset: 0, length: BLOCK, exists: true }]));
        const mixed = await lab.backup('-f', plain, '-r', lab.path('hints'), `file://${lab.path('changed')}`, 'vm');
        expect(encVersions(lab, mixed)).toEqual([0, 1]);
        for (const [uid, bytes] of [[plain, image] as const, [sealed, image] as const, [mixed, changed] as const]) {
          expect(decodedSha256(lab, uid, KEY_A)).toBe(sha256(bytes));
          expect(await lab.restoredSha256(uid)).toBe(sha256(bytes));
          await lab.ok('scrub', '-s', `file://${lab.path(bytes === image ? 'image' : 'changed')}`, uid);
        }
      }),
  );

  filesOnly('shape of rows', () => {
    test('have rows of the types and forms that the original writes', () =>
      withLab({ config: encrypted() }, async (lab) => {
        const uid = await lab.backup(`file://${lab.write('image', image)}`, 'vm');
        const rows = lab.query<Record<string, string | number | null>>(
          `SELECT uid, typeof(enc_version) AS version_type, enc_version, typeof(enc_envkey) AS key_type, enc_envkey, typeof(enc_nonce) AS nonce_type, enc_nonce
         FROM blocks WHERE version_uid = ? ORDER BY id`,
          uid,
        );
        for (const { uid: blob, ...row } of rows) {
          if (blob === null)
            expect(row).toEqual({
              ...{ version_type: 'integer', enc_version: 0 },
              ...{ key_type: 'null', enc_envkey: null, nonce_type: 'null', enc_nonce: null },
            });
          else {
            expect(row).toEqual({
              ...{ version_type: 'integer', enc_version: 1 },
              ...{ key_type: 'text', enc_envkey: expect.stringMatching(/^[0-9a-f]{80}$/) },
              ...{ nonce_type: 'text', enc_nonce: expect.stringMatching(/^[0-9a-f]{32}$/) },
            });
            expect(lab.blob(String(blob)).read().toString('hex', 16, 32)).toBe(row.enc_nonce);
          }
        }
        // The repeated block is stored once.
        expect(lab.blobs()).toHaveLength(7);
      }));

    test('never put a key into the log', () =>
      withLab({ config: encrypted() }, async (lab) => {
        const { stdout } = await lab.run(['-d', 'backup', `file://${lab.write('image', image)}`, 'vm']);
        expect(stdout).toContain('Backy complete.');
        expect(stdout + lab.log()).not.toContain(KEY_A);
      }));

    test('with any hash function, block size and compression level, and without deduplication, restore', async () => {
      const variants = [
        { hash_function: 'md5', compression_level: 19 },
        { hash_function: 'blake2b', block_size: 512 },
        { hash_function: 'sha3_256', block_size: 65536, compression_level: 5 },
        { hash_function: 'sha256', deduplication: 0, workers: 1 },
      ];
      for (const options of variants) {
        await withLab({ config: { DEFAULTS: { ...encrypted().DEFAULTS, ...options } } }, async (lab) => {
          const uid = await lab.backup(`file://${lab.write('image', image)}`, 'vm');
          expect(await lab.restoredSha256(uid), JSON.stringify(options)).toBe(sha256(image));
          await lab.ok('scrub', uid);
        });
      }
    });
  });

  test('need libzstd, whose absence is said before anything is created', () =>
    withLab({ config: encrypted() }, async (lab) => {
      mkdirSync(lab.path('broken'));
      writeFileSync(lab.path('broken/libzstd.so.1'), 'no library');
      const { code, stderr } = await lab.run(['backup', `file://${lab.write('image', image)}`, 'vm'], {
        env: { LD_LIBRARY_PATH: lab.path('broken') },
      });
      expect(code).toBe(100);
      expect(stderr).toMatch(/Cannot load libzstd\.so\.1.*libzstd1/);
      expect(lab.versions()).toEqual([]);
    }));
});

describe('a wrong or missing key', () => {
  const wrong = encrypted(KEY_B);
  const none = { DEFAULTS: { encryption_version: 0, encryption_key: '' } };

  /** A store with an encrypted version. The config has the key. */
  const withSealed = (body: (lab: Lab, uid: string) => Promise<void>) =>
    withLab({ config: encrypted() }, async (lab) => {
      await body(lab, await lab.backup(`file://${lab.write('image', image)}`, 'vm'));
    });

  test.each([
    ['wrong', wrong, /encryption_key is not the one/],
    ['missing', none, /no encryption_key is configured/],
  ])('that is %s stops restore and scrub before anything is written or marked', (_, config, message) =>
    withSealed(async (lab, uid) => {
      lab.configure(config);
      const before = lab.dump();
      const target = lab.path('target');
      for (const command of [
        ['scrub', uid],
        ['restore', uid, `file://${target}`],
      ]) {
        const { code, stderr } = await lab.run(command);
        expect(code, command[0]).toBe(100);
        expect(stderr).toMatch(message);
      }
      expect(lab.dump()).toEqual(before);
      expect(existsSync(target)).toBe(false);
    }),
  );

  test('that is wrong stops a backup and a migration before anything is written', () =>
    withSealed(async (lab, uid) => {
      lab.configure(none);
      const plain = await lab.backup(`file://${lab.path('image')}`, 'plain');
      lab.configure(wrong);
      const [before, blobs] = [lab.dump(), lab.blobs()];
      for (const command of [
        ['backup', `file://${lab.path('image')}`, 'new'],
        ['backup', '-f', plain, `file://${lab.path('image')}`, 'new'],
        ['migrate-encryption', plain],
        ['migrate-encryption', uid],
      ]) {
        const { code, stderr } = await lab.run(command);
        expect(code, command.join(' ')).toBe(100);
        expect(stderr).toMatch(/encryption_key is not the one/);
      }
      expect(lab.dump()).toEqual(before);
      expect(lab.blobs()).toEqual(blobs);
    }));

  test('is found where one small old version is encrypted among many plain ones', () =>
    withSealed(async (lab) => {
      lab.configure(none);
      for (let n = 0; n < 5; n++) await lab.backup(`file://${lab.write('noise', noise(60 * BLOCK, `plain ${n}`))}`, 'plain');
      lab.configure(wrong);
      expect(await lab.run(['backup', `file://${lab.path('image')}`, 'new'])).toMatchObject({ code: 100 });
    }));

  test('does no harm to plain versions', () =>
    withLab({}, async (lab) => {
      const uid = await lab.backup(`file://${lab.write('image', image)}`, 'vm');
      for (const config of [wrong, none]) {
        lab.configure(config);
        await lab.ok('scrub', uid);
        expect(await lab.restoredSha256(uid)).toBe(sha256(image));
      }
    }));

  test('an encryption version of the future is refused, and nothing is marked', () =>
    withSealed(async (lab, uid) => {
      lab.sql('UPDATE blocks SET enc_version = 2 WHERE id = 3');
      const before = lab.dump();
      const { code, stderr } = await lab.run(['scrub', uid]);
      expect(code).toBe(100);
      expect(stderr).toContain("encryption version 2 can't be read by this release");
      expect(lab.dump()).toEqual(before);
    }));
});

describe('damage', () => {
  test.each([
    [0, BLOCK],
    [1, BLOCK + 42],
  ])(
    `a flipped bit at every ${STEP}th byte of a blob, from byte ${FIRST}, is found by scrub and named: encryption version %i`,
    (version, storedBytes) =>
      withLab({ config: version === 1 ? encrypted() : {} }, async (lab) => {
        const count = Math.ceil(storedBytes / STEP);
        const bytes = noise(count * BLOCK, 'damage');
        const uid = await lab.backup(`file://${lab.write('image', bytes)}`, 'vm');
        // Each blob is damaged at another place, except those of the first three blocks.
        for (let id = 3; id < count; id++) flipBit(lab.blobAt(uid, id), Math.min(FIRST + STEP * id, storedBytes - 1));
        const { code, stdout } = await lab.run(['--json', 'scrub', uid]);
        expect(code).toBe(20);
        const { errors } = JSON.parse(stdout) as { errors: { id: number; problem: string }[] };
        expect(errors.map(({ id }) => id).sort((a, b) => a - b)).toEqual(Array.from({ length: count - 3 }, (_, n) => n + 3));
        expect(new Set(errors.map(({ problem }) => problem))).toEqual(new Set([version === 1 ? 'undecodable' : 'checksum']));
        expect(lab.blocks(uid).filter(({ valid }) => valid === 1)).toHaveLength(3);
        expect(lab.version(uid).valid).toBe(0);
      }),
  );

  test('of a wrapped key or a nonce in the database affects only that block; scrub and restore continue', () =>
    withLab({ config: encrypted() }, async (lab) => {
      const uid = await lab.backup(`file://${lab.write('image', image)}`, 'vm');
      const damage = (column: string, id: number, value: string) =>
        lab.sql(`UPDATE blocks SET ${column} = ? WHERE version_uid = ? AND id = ?`, value, uid, id);
      damage('enc_envkey', 0, 'ab'.repeat(40));
      damage('enc_envkey', 1, '');
      damage('enc_envkey', 2, 'no hex');
      damage('enc_nonce', 3, 'ab'.repeat(16));
      const scrubbed = await lab.run(['--json', 'scrub', uid]);
      expect(scrubbed.code).toBe(20);
      expect(badIds(scrubbed.stdout)).toEqual([0, 1, 2, 3]);
      const target = lab.path('target');
      const restored = await lab.run(['--json', 'restore', uid, `file://${target}`]);
      expect(restored.code).toBe(20);
      expect(badIds(restored.stdout)).toEqual([0, 1, 2, 3]);
      expect(sha256(readFileSync(target))).toBe(sha256(Buffer.concat([Buffer.alloc(4 * BLOCK), image.subarray(4 * BLOCK)])));
      // A new backup does not use them.
      const again = await lab.backup(`file://${lab.path('image')}`, 'vm');
      await lab.ok('scrub', again);
      expect(await lab.restoredSha256(again)).toBe(sha256(image));
    }));

  filesOnly('probe by length', () => {
    test('a blob that was cut is not used again by a backup', () =>
      withLab({ config: encrypted() }, async (lab) => {
        const source = `file://${lab.write('image', image)}`;
        const uid = await lab.backup(source, 'vm');
        lab.blobAt(uid, 0).write(lab.blobAt(uid, 0).read().subarray(0, 30));
        const { code, stdout } = await lab.run(['backup', source, 'vm']);
        expect(code).toBe(0);
        expect(stdout).toMatch(/was not used again for block 0: it has 30 bytes/);
        const [, second] = lab.versions();
        expect(await lab.restoredSha256(second?.uid ?? '')).toBe(sha256(image));
      }));
  });

  test('the null data backend works with encryption: it restores and scrubs back', () =>
    withLab({ config: { ...encrypted(), DataBackend: { type: 'null' } } }, async (lab) => {
      const uid = uidOf((await lab.run(['-m', 'backup', 'null://100k', 'vm'])).stdout);
      await lab.ok('scrub', '-s', 'null://100k', uid);
      await lab.ok('restore', uid, `file://${lab.path('target')}`);
      expect(sha256OfFile(lab.path('target'))).toHaveLength(64);
      expect(readFileSync(lab.path('target')).readUInt32LE(5 * BLOCK)).toBe(5);
    }));
});

function encVersions(lab: Lab, uid: string): number[] {
  const rows = lab.query<{ enc: number }>(
    'SELECT DISTINCT enc_version AS enc FROM blocks WHERE version_uid = ? AND uid IS NOT NULL ORDER BY enc_version',
    uid,
  );
  return rows.map(({ enc }) => enc);
}

function badIds(stdout: string): number[] {
  const { errors } = JSON.parse(stdout) as { errors: { id: number }[] };
  return errors.map(({ id }) => id).sort((a, b) => a - b);
}

function flipBit(blob: StoredBlob, at: number): void {
  const bytes = blob.read();
  bytes.writeUInt8(bytes.readUInt8(at) ^ 0x10, at);
  blob.write(bytes);
}
