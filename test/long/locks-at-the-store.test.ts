import {
  chmodSync,
  chownSync,
  closeSync,
  lchownSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { tryFlock } from '../../src/native/file-calls.ts';
import { noise } from '../support/images/random.ts';
import { sha256 } from '../support/images/sha256.ts';
import { checkStoreAndCleanUp, checkStored } from '../support/labs/check-store.ts';
import { Lab, uidOf } from '../support/labs/lab.ts';
import type { Running } from '../support/program/process.ts';
import { FileStore } from '../support/stores/file-store.ts';

const BLOCK = 65_536;
const IMAGE = noise(40 * BLOCK, 'image');
const SLOW = { DataBackend: { bandwidth_write: 30 * BLOCK } };

let lab: Lab;
let others: Lab[];
beforeEach(async () => {
  lab = await Lab.create({ blockSize: BLOCK, workers: 2 });
  others = [];
});
afterEach(() => {
  for (const one of [...others, lab]) one.remove();
});

/** An installation as in another container: with a lock_dir, log and process name of its own. */
function neighbour(databasePath = lab.databasePath): Lab {
  const other = new Lab({ blockSize: BLOCK, workers: 2, store: new FileStore({ databasePath, dataPath: lab.dataPath }) });
  others.push(other);
  return other;
}

/** A backup that has stored its first blobs and is stopped there. */
async function stoppedBackup(): Promise<{ running: Running; uid: string }> {
  lab.configure(SLOW);
  const running = lab.start(['-m', 'backup', `file://${lab.write('image', IMAGE)}`, 'vm']);
  // The uid comes before the first blob, but this process may read it later.
  await expect.poll(() => running.stdout !== '' && lab.blobs().length > 0).toBe(true);
  running.kill('SIGSTOP');
  return { running, uid: uidOf(running.stdout) };
}

async function endsWhole({ running, uid }: { running: Running; uid: string }): Promise<void> {
  running.kill('SIGCONT');
  expect((await running.ended).code).toBe(0);
  lab.configure({});
  await checkStoreAndCleanUp(lab, new Map([[uid, sha256(IMAGE)]]));
}

test.each([
  ['another lock_dir', 'locks'],
  ['no lock_dir', ''],
])('a running backup is safe from cleanup -f, rekey and rm of a configuration with %s', async (_, lockDir) => {
  const backup = await stoppedBackup();
  const other = neighbour();
  other.configure({ DEFAULTS: { lock_dir: lockDir === '' ? '' : other.path(lockDir) } });
  const before = { dump: lab.dump(), blobs: lab.blobs() };
  const cleanup = await other.run(['--json', 'cleanup', '-f']);
  expect(cleanup).toMatchObject({ code: 100, stdout: expect.stringContaining('"locked"') });
  expect(cleanup.stderr).toContain(`Other backy instances are running.`);
  expect(cleanup.stderr).toContain(`backy2 backup on ${hostname().slice(0, 21)}, pid ${backup.running.pid}`);
  expect(await other.run(['rm', '-f', backup.uid])).toMatchObject({ code: 100, stderr: expect.stringContaining('is locked') });
  expect({ dump: lab.dump(), blobs: lab.blobs() }).toEqual(before);
  await endsWhole(backup);
  expect(readdirSync(lab.folder).filter((name) => name.endsWith('.lock'))).toEqual([]);
});

test('a running backup is safe from a cleanup -f that sees neither its locks nor its database', async () => {
  const backup = await stoppedBackup();
  const other = neighbour();
  const elsewhere = neighbour(other.path('other.sqlite'));
  await elsewhere.ok('initdb');
  const blobs = lab.blobs();
  const { code, stderr } = await elsewhere.run(['cleanup', '-f']);
  expect(code).toBe(100);
  expect(stderr).toContain(`Another backy2 is storing blobs in ${lab.dataPath}.`);
  expect(stderr).toContain(`pid ${backup.running.pid}`);
  expect(lab.blobs()).toEqual(blobs);
  await endsWhole(backup);
});

test('a backup that begins while a cleanup -f deletes stores nothing, exits 100, and is resumed later', async () => {
  const image = `file://${lab.write('image', IMAGE)}`;
  mkdirSync(lab.dataPath, { recursive: true });
  const fd = openSync(lab.dataPath, 'r');
  tryFlock(fd, 'exclusive');
  const { code, stdout, stderr } = await lab.run(['-m', 'backup', image, 'vm']);
  closeSync(fd);
  expect(code).toBe(100);
  expect(stderr).toContain('a cleanup --full is deleting there');
  expect(lab.blobs()).toEqual([]);
  const uid = uidOf(stdout);
  expect(lab.version(uid).valid).toBe(0);
  await lab.ok('backup', '-c', uid, image, 'vm');
  checkStored(lab, new Map([[uid, sha256(IMAGE)]]));
});

test('blobs that a cleanup -f deleted during a backup despite all locks are stored again', async () => {
  // One block a slot, so that blocks are stored one after the other.
  const block = 1024 * 1024;
  lab.configure({ DEFAULTS: { block_size: block }, DataBackend: { bandwidth_write: 10 * block } });
  const image = noise(60 * block, 'longer');
  const running = lab.start(['-m', 'backup', `file://${lab.write('image', image)}`, 'vm']);
  // Two groups: rows of the first exist, blobs of the second have none yet.
  await expect.poll(() => lab.blocks().length > 0 && lab.blobs().length > lab.blocks().length).toBe(true);
  running.kill('SIGSTOP');
  const named = lab.blocks().flatMap(({ uid }) => uid ?? []);
  const unnamed = lab.blobs().filter((uid) => !named.includes(uid));
  lab.sql("INSERT OR REPLACE INTO backy2_state (name, value) VALUES ('cleanups', 1)");
  for (const uid of [...unnamed, ...named.slice(0, 2)]) lab.blob(uid).remove();
  running.kill('SIGCONT');
  const { code, stdout } = await running.ended;
  expect(code).toBe(0);
  lab.configure({ DEFAULTS: { block_size: block } });
  await checkStoreAndCleanUp(lab, new Map([[uidOf(stdout), sha256(image)]]));
});

test.skipIf(process.getuid?.() !== 0)(
  'lock and log files that a stranger put into a shared folder are refused, and name them',
  async () => {
    const shared = lab.path('shared');
    mkdirSync(shared);
    chmodSync(shared, 0o1777);
    const victim = lab.write('victim', 'precious');
    symlinkSync(victim, `${shared}/backy.log`);
    lchownSync(`${shared}/backy.log`, 54_321, 54_321);
    lab.configure({ DEFAULTS: { logfile: `${shared}/backy.log` } });
    const before = lab.dump();
    const log = await lab.run(['ls']);
    expect(log).toMatchObject({ code: 1, stderr: expect.stringContaining('it is a symbolic link of the user with uid 54321') });
    expect(readFileSync(victim, 'utf8')).toBe('precious');

    const lock = lab.write('shared/backy_backy-operations.lock', '');
    chownSync(lock, 54_321, 54_321);
    const fd = openSync(lock, 'r');
    tryFlock(fd, 'exclusive');
    lab.configure({ DEFAULTS: { lock_dir: shared } });
    const blocked = await lab.run(['backup', `file://${lab.write('image', IMAGE)}`, 'vm']);
    closeSync(fd);
    expect(blocked).toMatchObject({ code: 100 });
    expect(blocked.stderr).toContain(`the lock file ${lock} belongs to the user with uid 54321`);
    expect(blocked.stderr).toContain(`pid ${process.pid}`);
    expect(lab.dump()).toEqual(before);
    await lab.ok('backup', `file://${lab.path('image')}`, 'vm');
  },
);
