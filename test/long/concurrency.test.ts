import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { sha256 } from '../support/images/sha256.ts';
import { checkStoreAndCleanUp, namedBlobs } from '../support/labs/check-store.ts';
import { Lab, uidOf } from '../support/labs/lab.ts';
import type { Running } from '../support/program/process.ts';
import { callsVary } from '../support/runner/costs/spent.ts';
import { amount } from '../support/stores/amount.ts';

callsVary();

const BLOCK = 4096;
const MANY = amount({ files: 300, servers: 40 });
const SOME = amount({ files: 200, servers: 40 });
/** Makes commands that move blobs take about two seconds for SOME blocks. */
const SLOW = { DataBackend: { bandwidth_write: (SOME / 2) * BLOCK, bandwidth_read: (SOME / 2) * BLOCK } };

let lab: Lab;
beforeEach(async () => {
  lab = await Lab.create({ blockSize: BLOCK, workers: 2 });
});
afterEach(() => lab.remove());

describe('two at once', () => {
  test('two backups of images with shared content both become valid and restore', async () => {
    const shared = noise(MANY * BLOCK, 'shared');
    const images = [Buffer.concat([shared, noise(99 * BLOCK, 'a')]), Buffer.concat([noise(101 * BLOCK, 'b'), shared])];
    const backups = images.map((image, n) => lab.backup(`file://${lab.write(`image${n}`, image)}`, `vm${n}`));
    const uids = await Promise.all(backups);
    await checkStoreAndCleanUp(lab, new Map(uids.map((uid, n) => [uid, sha256(images[n] ?? Buffer.alloc(0))])));
    expect(lab.blobs().length).toBeGreaterThanOrEqual(MANY + 200);
    expect(lab.lockFiles()).toEqual([]);
  });

  test('several readers of one version do not disturb each other', async () => {
    const image = noise(50 * BLOCK, 'image');
    const uid = await lab.backup(`file://${lab.write('image', image)}`, 'vm');
    const restores = [0, 1].map(() => lab.restoredSha256(uid));
    const others = [['scrub', uid], ['export', uid, lab.path('out.csv')], ['ls']].map((args) => lab.ok(...args));
    expect(await Promise.all(restores)).toEqual([sha256(image), sha256(image)]);
    await Promise.all(others);
    expect(lab.lockFiles()).toEqual([]);
  });
});

describe('cleanup beside backups', () => {
  test('with --dangerous-force in a loop loses nothing, while versions with the same blocks are made and removed', async () => {
    const image = noise(MANY * BLOCK, 'image');
    const source = `file://${lab.write('image', image)}`;
    let doomed = await lab.backup(source, 'vm');
    let cleanups = 0;
    let over = false;
    const loop = (async () => {
      while (!over) {
        await lab.ok('cleanup', '--dangerous-force');
        cleanups++;
      }
    })();
    const oracle = new Map<string, string>();
    for (let round = 0; round < 5 || cleanups < 3; round++) {
      // This backup finds blocks that are being cleaned up right now.
      const [, next] = await Promise.all([lab.ok('rm', doomed), lab.backup(source, 'vm')]);
      doomed = next;
      expect(lab.version(next).valid).toBe(1);
    }
    over = true;
    await loop;
    oracle.set(doomed, sha256(image));
    await checkStoreAndCleanUp(lab, oracle);
  });

  test('a slow backup keeps the blobs it found, though the version that had them is removed meanwhile', async () => {
    const shared = noise((SOME / 2) * BLOCK, 'shared');
    const image = Buffer.concat([shared, noise(SOME * BLOCK, 'own')]);
    const old = await lab.backup(`file://${lab.write('old', shared)}`, 'old');
    lab.configure(SLOW);
    const running = lab.start(['-m', 'backup', `file://${lab.write('image', image)}`, 'vm']);
    await until(() => lab.versions().length === 2, running);
    await lab.ok('rm', old);
    while (!running.hasEnded) {
      await lab.ok('cleanup', '--dangerous-force');
      // The backup needs the processor too.
      await sleep(20);
    }
    const { code, stdout } = await running.ended;
    expect(code).toBe(0);
    lab.configure({});
    await checkStoreAndCleanUp(lab, new Map([[uidOf(stdout), sha256(image)]]));
  });

  test('two fast cleanups at once: one of them is refused', async () => {
    const uid = await lab.backup(
      `file://${lab.write('image', noise(amount({ files: 800, servers: 80 }) * BLOCK, 'image'))}`,
      'vm',
    );
    await lab.ok('rm', uid);
    const results = await Promise.all([0, 1, 2].map(() => lab.run(['cleanup', '--dangerous-force'])));
    expect(results.some(({ code }) => code === 0)).toBe(true);
    for (const { code, stderr } of results.filter((result) => result.code !== 0)) {
      expect(code).toBe(100);
      expect(stderr).toContain('ERROR: Another backy cleanup is running.');
    }
    await lab.ok('cleanup', '--dangerous-force');
    expect(lab.blobs()).toEqual([]);
  });

  test('cleanup -f is refused while a backup runs, and loses none of its blobs', async () => {
    const { running, uid, image } = await startSlowBackup();
    running.kill('SIGSTOP');
    const { code, stderr } = await lab.run(['cleanup', '-f']);
    running.kill('SIGCONT');
    expect(code).toBe(100);
    expect(stderr).toContain('ERROR: Other backy instances are running.');
    expect(stderr).toContain('ERROR: Backy failed.');
    expect((await running.ended).code).toBe(0);
    lab.configure({});
    await checkStoreAndCleanUp(lab, new Map([[uid, sha256(image)]]));
  });
});

describe('rm beside other commands', () => {
  test('of the base is refused while its successor is made, and nothing is lost', async () => {
    const image = noise(SOME * BLOCK, 'image');
    const source = `file://${lab.write('image', image)}`;
    const base = await lab.backup(source, 'vm');
    const next = Buffer.concat([noise(0.75 * SOME * BLOCK, 'changed'), image.subarray(0.75 * SOME * BLOCK)]);
    lab.write('image', next);
    const hints = lab.write('hints', JSON.stringify([{ offset: 0, length: 0.75 * SOME * BLOCK, exists: true }]));
    lab.configure(SLOW);
    const running = lab.start(['-m', 'backup', '-r', hints, '-f', base, source, 'vm']);
    await until(() => lab.versions().length === 2, running);
    running.kill('SIGSTOP');
    await expectLocked(['rm', base], base);
    running.kill('SIGCONT');
    const { code, stdout } = await running.ended;
    expect(code).toBe(0);
    lab.configure({});
    await lab.ok('rm', base);
    await lab.ok('cleanup', '--dangerous-force');
    await checkStoreAndCleanUp(lab, new Map([[uidOf(stdout), sha256(next)]]));
  });

  test('of a version that is being backed up is refused, and so is a second continuation of it', async () => {
    const { running, uid, image } = await startSlowBackup();
    running.kill('SIGSTOP');
    await expectLocked(['rm', uid], uid);
    await expectLocked(['backup', '-c', uid, `file://${lab.path('image')}`, 'vm'], uid);
    running.kill('SIGCONT');
    expect((await running.ended).code).toBe(0);
    lab.configure({});
    await checkStoreAndCleanUp(lab, new Map([[uid, sha256(image)]]));
  });

  test.each(['restore', 'scrub'])('is refused while the version is read by %s', async (command) => {
    const image = noise(SOME * BLOCK, 'image');
    const uid = await lab.backup(`file://${lab.write('image', image)}`, 'vm');
    lab.configure(SLOW);
    const words = command === 'restore' ? ['restore', uid, `file://${lab.path('target')}`] : ['scrub', uid];
    const running = lab.start(words);
    await until(() => lab.lockFiles().some((name) => name.includes(uid)), running);
    // The file comes before its lock. With blocks moving, the lock is held.
    await until(() => {
      running.kill('SIGUSR1');
      return /INFO: (Restore phase|Scrubbing)/.test(running.stderr);
    }, running);
    running.kill('SIGSTOP');
    await expectLocked(['rm', uid], uid);
    running.kill('SIGCONT');
    expect((await running.ended).code).toBe(0);
    expect(lab.lockFiles()).toEqual([]);
    await lab.ok('rm', uid);
    expect(lab.versions()).toEqual([]);
  });
});

describe('locks', () => {
  test('vanish with a killed process', async () => {
    const { running, uid } = await startSlowBackup();
    running.kill('SIGSTOP');
    await expectLocked(['rm', uid], uid);
    running.kill('SIGKILL');
    await running.ended;
    lab.configure({});
    await lab.ok('rm', uid);
    await lab.ok('cleanup', '-f', '--yes-delete', '1000');
    expect(lab.blobs()).toEqual([]);
    expect(lab.lockFiles()).toEqual([]);
  });

  test('leave no files behind, after success, refusal or failure', async () => {
    const uid = await lab.backup(`file://${lab.write('image', noise(BLOCK, 'image'))}`, 'vm');
    for (const args of [
      ['restore', uid, `file://${lab.path('target')}`],
      ['restore', uid, `file://${lab.path('target')}`],
      ['scrub', uid],
      ['export', uid, lab.path('out.csv')],
      ['import', lab.path('out.csv')],
      ['cleanup'],
      ['cleanup', '-f'],
      ['backup', `file://${lab.path('nowhere')}`, 'vm'],
      ['backup', '-f', 'nonsense', `file://${lab.path('image')}`, 'vm'],
      ['rm', uid],
      ['rm', uid],
    ]) {
      await lab.run(args);
      expect(lab.lockFiles(), `after ${args.join(' ')}`).toEqual([]);
    }
  });

  test('held by others leave no files behind after a refusal', async () => {
    const { running, uid } = await startSlowBackup();
    // Even on a slow machine, the backup does not end before the others have tried.
    running.kill('SIGSTOP');
    for (const args of [
      ['rm', uid],
      ['restore', uid, `file://${lab.path('target')}`],
      ['scrub', uid],
      ['export', uid, lab.path('out.csv')],
      ['cleanup', '-f'],
    ]) {
      expect((await lab.run(args)).code, args.join(' ')).toBe(100);
    }
    running.kill('SIGCONT');
    expect((await running.ended).code).toBe(0);
    expect(lab.lockFiles()).toEqual([]);
  });

  test('without a lock_dir nothing is locked', async () => {
    lab.configure({ DEFAULTS: { lock_dir: '' } });
    const image = noise(BLOCK, 'image');
    const uid = await lab.backup(`file://${lab.write('image', image)}`, 'vm');
    await checkStoreAndCleanUp(lab, new Map([[uid, sha256(image)]]));
    expect(lab.lockFiles()).toEqual([]);
  });
});

test('writers wait for each other: many small commands at once all succeed', async () => {
  const uid = await lab.backup(`file://${lab.write('image', noise(BLOCK, 'image'))}`, 'vm', '-t', 'start');
  const tags = Array.from({ length: 8 }, (_, n) => `tag${n}`);
  await Promise.all(tags.map((tag) => lab.ok('add-tag', uid, tag)));
  expect(lab.tags(uid)).toEqual(['start', ...tags]);
  expect(namedBlobs(lab)).toEqual(lab.blobs());
});

/** A backup of SOME blocks that takes about two seconds and has just begun to store them. */
async function startSlowBackup(): Promise<{ running: Running; uid: string; image: Buffer }> {
  const image = noise(SOME * BLOCK, 'slow');
  lab.configure(SLOW);
  const running = lab.start(['-m', 'backup', `file://${lab.write('image', image)}`, 'vm']);
  // The uid comes before the first blob, but this process may read it later.
  await until(() => running.stdout !== '' && lab.blobs().length > 0, running);
  return { running, uid: uidOf(running.stdout), image };
}

async function expectLocked(args: string[], uid: string): Promise<void> {
  const { code, stderr } = await lab.run(args);
  expect(stderr).toContain(`ERROR: Version ${uid} is locked.`);
  expect(code).toBe(100);
}

async function until(holds: () => boolean, running: Running): Promise<void> {
  while (!holds()) {
    if (running.hasEnded) throw new Error(`it ended too early: ${JSON.stringify(await running.ended)}`);
    await sleep(20);
  }
}
