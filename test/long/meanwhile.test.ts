import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { sha256 } from '../support/images/sha256.ts';
import { Lab, uidOf } from '../support/labs/lab.ts';
import { tool } from '../support/program/process.ts';
import { amount } from '../support/stores/amount.ts';
import { filesOnly } from '../support/stores/files-only.ts';

/** Changes that happen while a command runs, or before it starts. */
const BLOCK = 65_536;
const BLOCKS = 40;
/** Slow enough to interrupt a backup in the middle. */
const SLOW = { DataBackend: { bandwidth_write: amount({ files: 30, servers: 15 }) * BLOCK } };
/** Slow enough for another command to finish meanwhile. */
const SLOWER = { DataBackend: { bandwidth_write: amount({ files: 12, servers: 4 }) * BLOCK } };

let lab: Lab;
beforeEach(async () => {
  lab = await Lab.create({ blockSize: BLOCK, workers: 2 });
});
afterEach(() => lab.remove());

describe('a source that shrinks while it is read', () => {
  test.each([
    ['at the border of a block', 10 * BLOCK],
    ['to nothing', 0],
  ])('%s never becomes a valid version with zeros in it', async (_, size) => {
    lab.configure(SLOW);
    // More blocks than all workers hold at once.
    const image = lab.write('image', noise(1000 * BLOCK, 'shrinks'));
    const running = lab.start(['-m', 'backup', `file://${image}`, 'vm']);
    await expect.poll(() => lab.blobs().length).toBeGreaterThanOrEqual(1);
    truncateSync(image, size);
    const result = await running.ended;
    expect(result.code).toBe(100);
    expect(result.stderr).toMatch(/shrank|expected/);
    expect(lab.version(uidOf(result.stdout)).valid).toBe(0);
  });
});

describe('a blob that is found bad while a backup uses it', () => {
  test('is not trusted by that backup, whether it was found bad before or after its row', async () => {
    const shared = noise(BLOCKS * BLOCK, 'shared');
    const first = await lab.backup(`file://${lab.write('a', shared)}`, 'a');
    // The second image shares all of it, then continues with data that takes a while.
    const second = Buffer.concat([shared, noise(2 * BLOCKS * BLOCK, 'own')]);
    const image = lab.write('b', second);
    lab.configure(SLOWER);
    const running = lab.start(['-m', 'backup', `file://${image}`, 'b']);
    await expect.poll(() => lab.blobs().length).toBeGreaterThan(BLOCKS + 5);
    for (const id of [0, 20]) lab.blobAt(first, id).write(noise(BLOCK, `bad ${id}`));
    expect((await lab.run(['scrub', first])).code).toBe(20);
    expect(running.hasEnded, 'that the backup ended before the scrub, so that it could not know').toBe(false);
    const result = await running.ended;
    expect(result.code).toBe(0);
    const uid = uidOf(result.stdout);
    expect(lab.version(uid).valid).toBe(1);
    expect(lab.blocks(uid).every((row) => row.valid === 1)).toBe(true);
    expect(await lab.restoredSha256(uid)).toBe(sha256(second));
  });
});

describe('locks', () => {
  test('of commands that only share them never refuse each other', async () => {
    const exported = await lab.backup(`file://${lab.write('a', noise(BLOCK, 'a'))}`, 'a');
    const commands = Array.from({ length: 24 }, () => lab.run(['-m', 'scrub', exported]));
    expect((await Promise.all(commands)).map(({ code, stderr }) => ({ code, stderr }))).toEqual(
      commands.map(() => ({ code: 0, stderr: '' })),
    );
  });

  test('that are symlinks to nowhere are an error, not a hang', async () => {
    symlinkSync('/nonexistent/a', lab.path('locks/backy_backy-operations.lock'));
    const result = await lab.run(['cleanup'], { timeoutMs: 10_000 });
    expect(result.code).toBe(100);
    expect(result.stderr).toContain('backy_backy-operations.lock');
  });
});

filesOnly('blob folder', () => {
  describe('a data folder that is not mounted', () => {
    test('makes cleanup forget no blobs to delete, and scrub report no missing blobs', async () => {
      const uid = await lab.backup(`file://${lab.write('a', noise(4 * BLOCK, 'a'))}`, 'a');
      const kept = await lab.backup(`file://${lab.write('b', noise(4 * BLOCK, 'b'))}`, 'b');
      await lab.ok('rm', uid);
      renameSync(lab.dataPath, lab.path('unmounted'));
      mkdirSync(lab.dataPath);
      const cleanup = await lab.run(['cleanup', '--dangerous-force']);
      expect(cleanup.code).toBe(6);
      expect(cleanup.stderr).toContain('Is its file system mounted?');
      expect((await lab.run(['scrub', kept])).code).toBe(6);
      expect(lab.version(kept).valid).toBe(1);
      for (const name of readdirSync(lab.dataPath)) expect(name).toBe('.tmp');
      renameSync(lab.dataPath, lab.path('empty'));
      renameSync(lab.path('unmounted'), lab.dataPath);
      await lab.ok('cleanup', '--dangerous-force');
      expect(lab.blobs()).toHaveLength(4);
    });
  });
});

describe('a version that lacks a row', () => {
  test('is restored with zeros there, exits 20, and is invalid from then on', async () => {
    const image = noise(4 * BLOCK, 'a');
    const uid = await lab.backup(`file://${lab.write('a', image)}`, 'a');
    lab.sql('DELETE FROM blocks WHERE version_uid = ? AND id = 2', uid);
    const target = lab.write('target', Buffer.alloc(4 * BLOCK, 0xff));
    expect((await lab.run(['restore', '-f', uid, `file://${target}`])).code).toBe(20);
    expect(sha256(readFileSync(target))).toBe(sha256(image.fill(0, 2 * BLOCK, 3 * BLOCK)));
    expect(lab.version(uid).valid).toBe(0);
  });
});

filesOnly('blob folder', () => {
  describe('a blob that can not be read', () => {
    test('stops neither restore nor scrub, and is reported', async () => {
      const image = noise(4 * BLOCK, 'a');
      const uid = await lab.backup(`file://${lab.write('a', image)}`, 'a');
      const blob = lab.blobOf(uid, 1);
      renameSync(blob, `${blob}.away`);
      mkdirSync(blob);
      const restore = await lab.run(['restore', uid, `file://${lab.path('out')}`]);
      expect(restore.code).toBe(20);
      expect(restore.stderr).toMatch(/can't be read during restore for block 1 /);
      expect(sha256(readFileSync(lab.path('out')))).toBe(sha256(Buffer.from(image).fill(0, BLOCK, 2 * BLOCK)));
      expect((await lab.run(['scrub', uid])).code).toBe(20);
    });
  });
});

describe('hints that do not fit their base', () => {
  test('end a resumed backup with 5, and keep its rows', async () => {
    const image = noise(BLOCKS * BLOCK, 'a');
    const base = await lab.backup(`file://${lab.write('a', image)}`, 'a');
    const half = await lab.backup(`file://${lab.path('a')}`, 'b');
    lab.sql('DELETE FROM blocks WHERE version_uid = ? AND id >= 20', half);
    lab.sql('UPDATE versions SET valid = 0 WHERE uid = ?', half);
    // The blocks that the version has are unchanged.
    const rest = noise((BLOCKS - 20) * BLOCK, 'other');
    const other = lab.write('other', Buffer.concat([image.subarray(0, 20 * BLOCK), rest]));
    lab.write('none', '[]');
    const result = await lab.run(['backup', '-c', half, '-f', base, '-r', lab.path('none'), `file://${other}`, 'b']);
    expect(result.code).toBe(5);
    expect(lab.blocks(half)).toHaveLength(20);
  });
});

describe('SIGTERM', () => {
  test('ends an rm of several versions before the next one, with 143', async () => {
    const uids = [
      await lab.backup(`file://${lab.write('a', noise(BLOCK, 'a'))}`, 'a'),
      await lab.backup(`file://${lab.path('a')}`, 'b'),
    ];
    const release = lab.store.holdDatabase();
    const running = lab.start(['rm', ...uids]);
    await expect.poll(() => lab.lockFiles().length).toBeGreaterThan(0);
    running.kill('SIGTERM');
    await sleep(100);
    release();
    expect((await running.ended).code).toBe(143);
    expect(lab.version(uids[1] ?? '').valid).toBe(1);
    expect(lab.lockFiles()).toEqual([]);
  });

  test('ends an import that waits for its input, with 143 and nothing imported', async () => {
    const pipe = lab.path('pipe');
    await tool('mkfifo', pipe);
    const writer = openSync(pipe, 'r+');
    const running = lab.start(['import', pipe]);
    await expect.poll(() => running.stdout).toContain('$ backy2');
    await sleep(100);
    running.kill('SIGTERM');
    expect((await running.ended).code).toBe(143);
    closeSync(writer);
    expect(lab.versions()).toEqual([]);
  });
});

test('an import from a pipe that is refused ends, though its writer stays', async () => {
  const pipe = lab.path('refused');
  await tool('mkfifo', pipe);
  const writer = openSync(pipe, 'r+');
  const running = lab.start(['import', pipe]);
  writeSync(writer, 'no export\r\nand nothing after that\r\n');
  const { code, stderr } = await running.ended;
  closeSync(writer);
  expect(code).toBe(23);
  expect(stderr).toContain('ERROR: ');
  expect(lab.lockFiles()).toEqual([]);
});
