import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { STORES } from '../support/images/images.ts';
import { noise } from '../support/images/random.ts';
import { Lab } from '../support/labs/lab.ts';

const BLOCK = 4096;
const BLOCKS = 20;
const OTHER = '99999999-2222-1333-8444-555555555555';

let lab: Lab;
afterEach(() => lab.remove());

const imageOf = (name: string) => noise(BLOCKS * BLOCK, name);
const blockOf = (name: string, id: number) => imageOf(name).subarray(id * BLOCK, (id + 1) * BLOCK);
const hashed = (algorithm: string, bytes: Uint8Array) => createHash(algorithm).update(bytes).digest('hex');
const backUp = (name: string) => lab.backup(`file://${lab.write(name, imageOf(name))}`, name);
const imported = () => lab.query('SELECT * FROM backy2_imported').length;
const written = (uid: string) =>
  lab.query<{ blocks_written: number }>('SELECT blocks_written FROM stats WHERE version_uid = ?', uid)[0]?.blocks_written;

/** The export of a version, with `edit` applied to the fields of each block row. */
async function exported(uid: string, edit: (fields: string[], id: number) => string[] = (fields) => fields): Promise<string> {
  const path = lab.path('export.csv');
  await lab.ok('export', uid, path);
  const [format = '', version = '', ...rows] = readFileSync(path, 'utf8').trimEnd().split('\r\n');
  const lines = [format, version, ...rows.map((row, id) => edit(row.split(','), id).join(','))];
  writeFileSync(path, `${lines.join('\r\n')}\r\n`);
  return path;
}

/**
 * The same under another uid, where each row claims that its blob holds the block of another image.
 */
async function poisoned(uid: string, name: string): Promise<string> {
  const path = await exported(uid, (fields, id) => fields.with(4, hashed('sha512', blockOf(name, id))));
  writeFileSync(path, readFileSync(path, 'utf8').replaceAll(uid, OTHER));
  return path;
}

describe.each(STORES)('an import ($store)', ({ options }) => {
  test('of missing blobs is invalid, with one WARNING and exit 0, and so are its blocks', async () => {
    lab = await Lab.create(options);
    const uid = await backUp('a');
    const path = await exported(uid);
    const lost = [lab.blobAt(uid, 3), lab.blobAt(uid, 7)];
    await lab.ok('rm', uid);
    for (const blob of lost) blob.remove();
    const before = lab.blobs();
    const { code, stdout, stderr } = await lab.run(['import', path]);
    expect(code).toBe(0);
    const said = stdout + stderr;
    expect(said.match(/WARNING/g)).toHaveLength(1);
    expect(said).toContain(`lacks the blobs of 2 of 20 blocks of version ${uid}: it was imported as invalid`);
    expect(lab.version(uid).valid).toBe(0);
    expect(lab.blocks(uid).flatMap(({ id, valid }) => (valid === 0 ? [id] : []))).toEqual([3, 7]);
    expect(lab.blobs()).toEqual(before);
  });

  test('into a store without any blob is invalid too', async () => {
    lab = await Lab.create(options);
    const path = await exported(await backUp('a'));
    for (const blob of lab.blobs()) lab.blob(blob).remove();
    await lab.ok('rm', lab.versions()[0]?.uid ?? '');
    await lab.ok('import', path);
    expect(lab.versions()).toMatchObject([{ valid: 0 }]);
  });

  test('that lies about its blobs does not harm a backup of the claimed content: that is stored again, for the import too', async () => {
    lab = await Lab.create(options);
    const first = await backUp('a');
    await lab.ok('import', await poisoned(first, 'b'));
    expect(lab.version(OTHER).valid).toBe(1);
    const { code, stderr, stdout } = await lab.run(['backup', `file://${lab.write('b', imageOf('b'))}`, 'b']);
    expect(code, stderr).toBe(0);
    expect((stdout + stderr).match(/was not used again/g)).toHaveLength(BLOCKS);
    const second = lab.versions().find(({ name }) => name === 'b')?.uid ?? '';
    expect(written(second)).toBe(BLOCKS);
    for (const [uid, name] of [
      [first, 'a'],
      [second, 'b'],
      [OTHER, 'b'],
    ] as const) {
      expect(await lab.restoredSha256(uid)).toBe(hashed('sha256', imageOf(name)));
      expect(lab.version(uid).valid).toBe(1);
    }
  });

  test('that is true is verified once by a backup of the same content, which stores nothing', async () => {
    lab = await Lab.create(options);
    const first = await backUp('a');
    const path = await exported(first);
    await lab.ok('rm', first);
    await lab.ok('import', path);
    expect(imported()).toBe(BLOCKS);
    const second = await lab.backup(`file://${lab.path('a')}`, 'a');
    expect(written(second)).toBe(0);
    expect(imported()).toBe(0);
    expect(await lab.restoredSha256(second)).toBe(hashed('sha256', imageOf('a')));
  });

  test.each(['scrub', 'restore'])('is trusted after a %s', async (command) => {
    lab = await Lab.create(options);
    const uid = await backUp('a');
    const path = await exported(uid);
    await lab.ok('rm', uid);
    await lab.ok('import', path);
    await lab.ok(command, uid, ...(command === 'restore' ? [`file://${lab.path('restored')}`] : []));
    expect(imported()).toBe(0);
  });
});
