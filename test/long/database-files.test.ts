import { copyFileSync, existsSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { sha256 } from '../support/images/sha256.ts';
import { checkStoreAndCleanUp } from '../support/labs/check-store.ts';
import { Lab, uidOf } from '../support/labs/lab.ts';
import type { Running } from '../support/program/process.ts';

const BLOCK = 65_536;
const IMAGE = noise(90 * BLOCK, 'image');
const SLOW = { DataBackend: { bandwidth_write: 30 * BLOCK } };
const SIDE_FILES = ['-wal', '-shm'];

let lab: Lab;
let db: string;
beforeEach(async () => {
  lab = await Lab.create({ blockSize: BLOCK, workers: 2 });
  db = lab.databasePath;
});
afterEach(() => lab.remove());

/** A backup that has stored its first blobs; with rows, if asked for. */
async function slowBackup({ withRows, image = IMAGE }: { withRows: boolean; image?: Buffer }): Promise<Running> {
  lab.configure(SLOW);
  const [rows, blobs] = [lab.blocks().length, lab.blobs().length];
  const running = lab.start(['-m', 'backup', `file://${lab.write('image', image)}`, 'vm']);
  if (withRows) await expect.poll(() => lab.blocks().length).toBeGreaterThan(rows);
  else await expect.poll(() => lab.blobs().length).toBeGreaterThan(blobs);
  return running;
}

describe('a database file that disappears during a backup', () => {
  test.each([
    ['removed', () => rmSync(db)],
    ['moved away', () => renameSync(db, `${db}.away`)],
    [
      'replaced by its copy',
      () => {
        copyFileSync(db, `${db}.copy`);
        renameSync(`${db}.copy`, db);
      },
    ],
  ])('%s: the backup stops, exits 1 and says so', async (what, go) => {
    const running = await slowBackup({ withRows: false });
    go();
    const { code, stderr } = await running.ended;
    expect(stderr).toMatch(/The database .*backy\.sqlite was (removed|replaced by another file) while it was in use/);
    expect(code).toBe(1);
    if (what !== 'moved away') return;
    // Nothing is lost once it is back.
    renameSync(`${db}.away`, db);
    lab.configure({});
    const uid = uidOf(running.stdout);
    expect(lab.version(uid).valid).toBe(0);
    await lab.ok('backup', '-c', uid, `file://${lab.path('image')}`, 'vm');
    await checkStoreAndCleanUp(lab, new Map([[uid, sha256(IMAGE)]]));
  });
});

describe('the files of a killed run', () => {
  /** Keeps yesterday's database, lets a day pass, and has a backup killed. */
  async function killedRun(): Promise<void> {
    await lab.ok('backup', `file://${lab.write('a', noise(4 * BLOCK, 'a'))}`, 'a');
    copyFileSync(db, lab.path('yesterday'));
    await lab.ok('backup', `file://${lab.write('b', noise(4 * BLOCK, 'b'))}`, 'b');
    // Ten seconds of work, of which the first rows come after two: it must not be at its end.
    const running = await slowBackup({ withRows: true, image: noise(300 * BLOCK, 'long') });
    running.kill('SIGKILL');
    await running.ended;
    expect(statSync(`${db}-wal`).size).toBeGreaterThan(0);
    lab.configure({});
  }
  const bytes = () => [db, `${db}-wal`, `${db}-shm`].map((file) => sha256(readFileSync(file)));

  test('beside the database of yesterday are refused, and nothing is changed', async () => {
    await killedRun();
    copyFileSync(db, lab.path('today'));
    copyFileSync(lab.path('yesterday'), db);
    const before = { files: bytes(), blobs: lab.blobs() };
    for (const args of [['ls'], ['backup', `file://${lab.path('a')}`, 'a'], ['cleanup', '-f'], ['backup-db', lab.path('copy')]]) {
      const { code, stderr } = await lab.run(args);
      expect(code, args[0]).toBe(1);
      expect(stderr).toContain(`The database ${db} does not belong to ${db}-wal: it is older`);
    }
    expect({ files: bytes(), blobs: lab.blobs() }).toEqual(before);
    expect(existsSync(lab.path('copy'))).toBe(false);
    // The two solutions: the right database, or this one without the run's writes.
    copyFileSync(lab.path('today'), lab.path('other'));
    for (const suffix of SIDE_FILES) copyFileSync(db + suffix, lab.path(`other${suffix}`));
    lab.configure({ MetaBackend: { engine: `sqlite:///${lab.path('other')}` } });
    expect((await lab.ok('-ms', 'ls', '-f', 'name')).split('\n').filter(Boolean)).toEqual(['a', 'b', 'vm']);
    lab.configure({});
    for (const suffix of SIDE_FILES) renameSync(db + suffix, lab.path(`away${suffix}`));
    expect((await lab.ok('-ms', 'ls', '-f', 'name')).split('\n').filter(Boolean)).toEqual(['a']);
  });

  test('beside the database of another installation are refused', async () => {
    await killedRun();
    // Not a lab's ordinary database: those are copies of one.
    const other = new Lab({ blockSize: BLOCK });
    await other.ok('initdb');
    await other.ok('backup', `file://${other.write('c', noise(BLOCK, 'c'))}`, 'c');
    copyFileSync(other.databasePath, db);
    other.remove();
    const { code, stderr } = await lab.run(['ls']);
    expect(code).toBe(1);
    expect(stderr).toContain('the WAL is of another database');
  });

  test('beside their own database are adopted', async () => {
    await killedRun();
    expect((await lab.ok('-ms', 'ls', '-f', 'name')).split('\n').filter(Boolean)).toEqual(['a', 'b', 'vm']);
  });
});

test('backup-db copies the database during a backup, complete and readable by its owner only', async () => {
  const before = await lab.backup(`file://${lab.write('a', noise(4 * BLOCK, 'a'))}`, 'a');
  // Twenty seconds of work: it is stopped long before.
  const image = noise(600 * BLOCK, 'long');
  const running = await slowBackup({ withRows: true, image });
  await lab.ok('backup-db', lab.path('copy'));
  expect(running.hasEnded).toBe(false);
  // The backup must end, whatever the copy did to it.
  running.kill('SIGTERM');
  expect((await running.ended).code).toBe(143);
  lab.configure({});
  const uid = uidOf(running.stdout);
  await lab.ok('backup', '-c', uid, `file://${lab.path('image')}`, 'vm');
  await checkStoreAndCleanUp(
    lab,
    new Map([
      [before, sha256(noise(4 * BLOCK, 'a'))],
      [uid, sha256(image)],
    ]),
  );
  lab.configure({ MetaBackend: { engine: `sqlite:///${lab.path('copy')}` } });
  expect((await lab.ok('-ms', 'ls', '-f', 'name,valid')).split('\n').filter(Boolean)).toEqual(['a|1', 'vm|0']);
  expect(await lab.restoredSha256(before)).toBe(sha256(noise(4 * BLOCK, 'a')));
});
