import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { COMMAND, NBD_ERROR } from '../../src/nbd/numbers.ts';
import { noise } from '../support/images/random.ts';
import { sha256, sha256OfFile } from '../support/images/sha256.ts';
import { checkRestores, checkStoreAndCleanUp } from '../support/labs/check-store.ts';
import { expectFailure } from '../support/labs/expect-failure.ts';
import { Lab, uidOf } from '../support/labs/lab.ts';
import { remount, withTmpfs } from '../support/labs/mounted.ts';
import { startNbd, stopServing } from '../support/program/serving.ts';
import { lacking, needMount } from '../support/runner/machine.ts';
import { NbdClient } from '../support/servers/nbd-client.ts';

const { skip, note } = lacking(await needMount());
const BLOCK = 4096;

/** Each lab has its own mount points: `data`, `db` and `target`. */
let lab: Lab;
beforeEach(() => {
  lab = new Lab({ blockSize: BLOCK, workers: 2 });
});
afterEach(() => lab.remove());

describe('a full disk', () => {
  test.skipIf(skip)(`for blobs: exit 6, the version stays and is continued once there is room${note}`, async () => {
    // One worker has 8 MiB of slots, so that some of its jobs end before the disk is full.
    const block = 64 * 1024;
    lab.configure({ DEFAULTS: { block_size: block, workers: 1 } });
    await withTmpfs(lab.dataPath, '12m', async () => {
      await lab.ok('initdb');
      const good = noise(20 * block, 'good');
      const oracle = new Map([[await lab.backup(`file://${lab.write('good', good)}`, 'good'), sha256(good)]]);
      const image = Buffer.concat([good, noise(230 * block, 'image')]);
      const source = `file://${lab.write('image', image)}`;
      const failed = await lab.run(['-m', 'backup', source, 'vm']);
      const uid = uidOf(failed.stdout);
      expectFailure(failed, 6, /Cannot store blob \w+ in .*: ENOSPC/);
      expect(failed.stderr).toContain(`backy2 backup -c ${uid}`);
      expect(lab.version(uid).valid).toBe(0);
      expect(lab.blocks(uid).length).toBeGreaterThan(0);
      expect(lab.temporaryBlobs()).toEqual([]);
      expect(lab.lockFiles()).toEqual([]);
      await checkRestores(lab, oracle);

      await remount(lab.dataPath, 'size=64m');
      await lab.ok('backup', '-c', uid, source, 'vm');
      oracle.set(uid, sha256(image));
      await checkStoreAndCleanUp(lab, oracle);
    });
  });

  test.skipIf(skip)(`for the database: a clear error, and the backup is continued once there is room${note}`, async () => {
    lab.remove();
    lab = new Lab({ blockSize: 512 });
    const folder = lab.path('db');
    lab.configure({ MetaBackend: { engine: `sqlite:///${folder}/backy.sqlite` } });
    await withTmpfs(folder, '512k', async () => {
      await lab.ok('initdb');
      // Enough rows to fill the disk, and few blobs, for speed.
      const image = Buffer.concat(Array.from({ length: 3_000 }, (_, id) => noise(512, `block ${id % 100}`)));
      const source = `file://${lab.write('image', image)}`;
      const failed = await lab.run(['-m', 'backup', source, 'vm']);
      const uid = uidOf(failed.stdout);
      expect([1, 100]).toContain(failed.code);
      expectFailure(failed, failed.code ?? -1, /The database .*backy\.sqlite failed: .*(full|I\/O)/);
      expect(await lab.ok('-ms', 'ls', '-f', 'uid,valid')).toBe(`${uid}|0\n`);
      expect(lab.lockFiles()).toEqual([]);

      await remount(folder, 'size=64m');
      await lab.ok('backup', '-c', uid, source, 'vm');
      expect(await lab.restoredSha256(uid)).toBe(sha256(image));
      await lab.ok('scrub', uid);
    });
  });

  test.skipIf(skip)(`for what is written over NBD: it is not saved, and the program ends with exit 100${note}`, async () => {
    await lab.ok('initdb');
    const image = noise(500 * BLOCK, 'image');
    const uid = await lab.backup(`file://${lab.write('image', image)}`, 'vm');
    const cache = lab.path('cache');
    lab.configure({ DEFAULTS: { cachedir: cache } });
    await withTmpfs(cache, '1m', async () => {
      const before = { dump: lab.dump(), blobs: lab.blobs() };
      const server = await startNbd(lab, '--save', '--export', 'vm');
      const writer = await NbdClient.open(server.socket, 'vm');
      await writer.write(0, noise(100 * BLOCK, 'fits'));
      const { error } = await writer.request(COMMAND.write, { offset: 100 * BLOCK, data: noise(300 * BLOCK, 'too much') });
      expect(error).toBe(NBD_ERROR.ENOSPC);
      // Free space does not undo the failed write.
      await remount(cache, 'size=64m');
      await writer.write(450 * BLOCK, noise(BLOCK, 'later'));
      await writer.disconnect();
      const next = await NbdClient.open(server.socket, 'vm');
      await next.write(0, noise(10, 'next'));
      await next.disconnect();
      await expect.poll(() => lab.log().match(/are not saved: a write failed/g)?.length).toBe(2);
      const { code, stderr } = await stopServing(server);
      expect(code).toBe(100);
      expect(stderr).toMatch(new RegExp(`Writes to ${uid} were not saved. A write to ${uid} failed: .*ENOSPC`));
      expect({ dump: lab.dump(), blobs: lab.blobs() }).toEqual(before);
    });
  });

  test.skipIf(skip)(`for the restore target: exit 100, and it goes on where it stopped once there is room${note}`, async () => {
    await lab.ok('initdb');
    const image = noise(500 * BLOCK, 'image');
    const uid = await lab.backup(`file://${lab.write('image', image)}`, 'vm');
    const folder = lab.path('small');
    await withTmpfs(folder, '1m', async () => {
      const failed = await lab.run(['restore', uid, `file://${folder}/target`]);
      expectFailure(failed, 100, /Cannot write \d+ bytes at offset \d+ of .*target: ENOSPC/);
      const [, from = ''] = /restore -f -c (\d+) /.exec(failed.stderr) ?? [];
      expect(from).not.toBe('');
      expect(lab.version(uid).valid).toBe(1);
      expect(lab.lockFiles()).toEqual([]);
      await remount(folder, 'size=16m');
      await lab.ok('restore', '-f', '-c', from, uid, `file://${folder}/target`);
      expect(sha256OfFile(`${folder}/target`)).toBe(sha256(image));
    });
  });

  test.skipIf(skip)(`for an export: a clear error, and no half file under the right name${note}`, async () => {
    await lab.ok('initdb');
    const uid = await lab.backup(`file://${lab.write('zeros', Buffer.alloc(5000 * BLOCK))}`, 'zeros');
    const folder = lab.path('small');
    await withTmpfs(folder, '256k', async () => {
      const failed = await lab.run(['export', uid, `${folder}/out.csv`]);
      expectFailure(failed, 100, /Cannot export to .*out\.csv: ENOSPC/);
      expect(readdirSync(folder)).toEqual([]);
    });
  });
});

describe('a read-only file system', () => {
  test.skipIf(skip)(`for blobs ends a backup with exit 6, and says what is wrong${note}`, async () => {
    await withTmpfs(lab.dataPath, '8m', async () => {
      await lab.ok('initdb');
      await remount(lab.dataPath, 'ro');
      const source = `file://${lab.write('image', noise(BLOCK, 'image'))}`;
      const failed = await lab.run(['-m', 'backup', source, 'vm']);
      expectFailure(failed, 6, /Cannot store blob \w+ in .*: EROFS/);
      const uid = uidOf(failed.stdout);
      await remount(lab.dataPath, 'rw');
      await lab.ok('backup', '-c', uid, source, 'vm');
      await checkStoreAndCleanUp(lab, new Map([[uid, sha256(noise(BLOCK, 'image'))]]));
    });
  });

  test.skipIf(skip)(`for blobs: cleanup keeps its candidates, restore and scrub work${note}`, async () => {
    await withTmpfs(lab.dataPath, '8m', async () => {
      await lab.ok('initdb');
      const image = noise(20 * BLOCK, 'image');
      const uid = await lab.backup(`file://${lab.write('image', image)}`, 'vm');
      const gone = await lab.backup(`file://${lab.write('gone', noise(5 * BLOCK, 'gone'))}`, 'gone');
      await remount(lab.dataPath, 'ro');
      await lab.ok('rm', gone);
      const cleanup = await lab.run(['cleanup', '--dangerous-force']);
      expect([6, 100]).toContain(cleanup.code);
      expect(cleanup.stderr).toMatch(/ERROR: .*EROFS/);
      const oracle = new Map([[uid, sha256(image)]]);
      await checkRestores(lab, oracle);
      await lab.ok('scrub', uid);

      await remount(lab.dataPath, 'rw');
      await lab.ok('cleanup', '--dangerous-force');
      expect(lab.blobs()).toHaveLength(20);
      await checkStoreAndCleanUp(lab, oracle);
    });
  });
});
