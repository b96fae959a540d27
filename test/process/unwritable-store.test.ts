import {
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { sha256, sha256OfFile } from '../support/images/sha256.ts';
import { expectFailure } from '../support/labs/expect-failure.ts';
import { Lab } from '../support/labs/lab.ts';
import { remount, withTmpfs } from '../support/labs/mounted.ts';
import { lacking, needMount } from '../support/runner/machine.ts';

const { skip, note } = lacking(await needMount());
const BLOCK = 4096;
const image = noise(20 * BLOCK, 'image');

/** All that an installation writes to is in one folder. */
let lab: Lab;
let folder: string;
let database: string;
beforeEach(() => {
  lab = new Lab({ blockSize: BLOCK });
  folder = lab.path('store');
  database = join(folder, 'backy.sqlite');
  mkdirSync(lab.path('out'));
  configure({});
});
afterEach(() => lab.remove());

interface Uids {
  good: string;
  bad: string;
}

/** Puts everything on the file system that fills up. `data`: more options of the data backend. */
function configure(data: Record<string, string>): void {
  lab.configure({
    DEFAULTS: { lock_dir: folder, logfile: join(folder, 'backy.log'), default_schedulers: 'daily', sla_schedulers: 'daily' },
    MetaBackend: { engine: `sqlite:///${database}` },
    DataBackend: { path: join(folder, 'data'), ...data },
    daily: { interval: '1d', keep: 8, sla: '6h' },
  });
}

/** Makes two versions. The second one has a bad blob. */
async function fill(): Promise<Uids> {
  await lab.ok('initdb');
  const bad = await lab.backup(`file://${lab.write('image', noise(BLOCK, 'bad'))}`, 'bad');
  const [blob] = readdirSync(join(folder, 'data'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.blob'),
  );
  writeFileSync(join(folder, 'data', blob ?? ''), noise(BLOCK, 'damaged'));
  const good = await lab.backup(`file://${lab.write('image', image)}`, 'good');
  return { good, bad };
}

/** As a killed program leaves the database: the last transaction is only in the WAL. */
function leaveWal(): void {
  const writer = new Database(database);
  writer.pragma('journal_mode = WAL');
  writer.exec("UPDATE versions SET snapshot_name = 'from the WAL'");
  const files = ['', '-wal'].map((suffix) => [lab.path(`killed${suffix}`), database + suffix] as const);
  for (const [copy, file] of files) copyFileSync(file, copy);
  writer.close();
  for (const [copy, file] of files) copyFileSync(copy, file);
}

/** Fills the file system up to the last byte. @returns the filler. */
function fillDisk(): string {
  const filler = join(folder, 'filler');
  const fd = openSync(filler, 'w');
  for (const size of [2 ** 20, 1024]) {
    try {
      for (;;) writeSync(fd, Buffer.alloc(size, 1));
    } catch {
      // It is full.
    }
  }
  closeSync(fd);
  return filler;
}

const target = () => lab.path('out/target');

/** All commands that read work and say what they can't record. Others change nothing. */
async function expectReadable({ good, bad }: Uids): Promise<void> {
  const before = { bytes: readFileSync(database), names: readdirSync(folder) };
  const run = (args: string[]) => lab.run(args);
  for (const args of [
    ['restore', '-f', good, `file://${target()}`],
    ['scrub', good],
    ['export', good, lab.path('out/export')],
    ['due'],
    ['sla'],
    ['stats'],
    ['du'],
    ['diff-meta', good, bad],
    ['scrub', '--coverage'],
    ['backup-db', '-f', lab.path('out/copy')],
  ]) {
    const { code, stdout, stderr } = await run(args);
    expect({ args, code, output: code === 0 ? '' : stdout + stderr }).toEqual({ args, code: 0, output: '' });
  }
  expect(sha256OfFile(target())).toBe(sha256(image));
  for (const args of [
    ['scrub', bad],
    ['restore', '-f', bad, `file://${target()}`],
  ]) {
    const { code, stdout } = await run(args);
    expect(code).toBe(20);
    expect(stdout).toMatch(/WARNING: Blob \w+ can't be marked: the database can't be written/);
  }
  for (const args of [
    ['backup', `file://${lab.path('image')}`, 'new'],
    ['rm', good],
    ['protect', good],
    ['scrub', '--oldest', '1'],
  ]) {
    const { code, stderr } = await run(args);
    expect([1, 100]).toContain(code);
    expect(stderr).toMatch(/ERROR: (The database .* can't be written: |Cannot open the lock file .*EROFS)/);
  }
  expect({ bytes: readFileSync(database), names: readdirSync(folder) }).toEqual(before);
}

describe('a store', () => {
  test.skipIf(skip)(`on a read-only mount is read, a WAL of a killed program included${note}`, async () => {
    await withTmpfs(folder, '8m', async () => {
      const uids = await fill();
      await remount(folder, 'ro');
      await expectReadable(uids);
      await remount(folder, 'rw');
      leaveWal();
      await remount(folder, 'ro');
      const { stdout } = await lab.run(['ls']);
      expect(stdout).toContain('from the WAL');
      expect(stdout).toMatch(/INFO: The database .* can't be written: its file system is read-only\. Working on a copy in/);
      await lab.ok('restore', '-f', uids.good, `file://${target()}`);
      expect(sha256OfFile(target())).toBe(sha256(image));
    });
  });
});

describe('a full disk', () => {
  test.skipIf(skip)(
    `of blobs and database: reading commands work, cleanup makes room, and rm says how much it needs${note}`,
    async () => {
      await withTmpfs(folder, '8m', async () => {
        const uids = await fill();
        const gone = await lab.backup(`file://${lab.write('gone', noise(300 * BLOCK, 'gone'))}`, 'gone');
        await lab.ok('rm', gone);
        leaveWal();
        const filler = fillDisk();
        expect(await lab.ok('ls')).toContain('from the WAL');
        await lab.ok('restore', '-f', uids.good, `file://${target()}`);
        await lab.ok('scrub', uids.good);
        expect((await lab.run(['scrub', uids.bad])).code).toBe(20);
        expectFailure(
          await lab.run(['rm', uids.good]),
          1,
          /is full \(at most \d+ KiB are free\)\. Free 1 MiB there; then rm and cleanup work/,
        );
        expect(await lab.ok('cleanup', '--dangerous-force')).toContain('Deleted 300 blocks.');
        await lab.ok('rm', uids.bad);
        rmSync(filler);
        await lab.ok('scrub', uids.good);
      });
    },
  );
});

describe('no free inodes', () => {
  test.skipIf(skip)(`reading commands and cleanup work, and a backup says what is missing${note}`, async () => {
    await withTmpfs(folder, '16m', async () => {
      // Its manifests would give inodes back.
      configure({ catalogue: 'no' });
      const { good } = await fill();
      const gone = await lab.backup(`file://${lab.write('gone', noise(5 * BLOCK, 'gone'))}`, 'gone');
      await lab.ok('rm', gone);
      leaveWal();
      const { files, ffree } = statfsSync(folder);
      await remount(folder, `nr_inodes=${files - ffree}`);
      expect(await lab.ok('ls')).toContain('from the WAL');
      await lab.ok('restore', '-f', good, `file://${target()}`);
      await lab.ok('scrub', good);
      const backup = ['backup', `file://${lab.write('image', noise(BLOCK, 'more'))}`, 'new'];
      expectFailure(await lab.run(backup), 100, /Cannot open the lock file .*ENOSPC.* has space, but no free inodes \(df -i\)/);
      lab.configure({
        ...{ DEFAULTS: { lock_dir: lab.path('locks'), logfile: lab.path('backy.log') } },
        ...{ MetaBackend: { engine: `sqlite:///${database}` }, DataBackend: { path: join(folder, 'data'), catalogue: 'no' } },
      });
      expect(await lab.ok('cleanup', '--dangerous-force')).toMatch(/Deleted 5 blobs to make room.*Deleted 5 blocks\./s);
      await lab.ok('rm', good);
    });
  });
});
