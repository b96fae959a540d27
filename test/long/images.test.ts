import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { changedRanges } from '../support/images/hints.ts';
import { noise } from '../support/images/random.ts';
import { sha256, sha256OfFile } from '../support/images/sha256.ts';
import { checkStoreAndCleanUp } from '../support/labs/check-store.ts';
import { Lab } from '../support/labs/lab.ts';
import { tool } from '../support/program/process.ts';
import { lacking, needLoopDevice, needTool } from '../support/runner/machine.ts';

const ext4 = lacking(await needTool('mke2fs', '-V'), await needTool('debugfs', '-V'), await needTool('e2fsck', '-V'));
const loop = lacking(await needLoopDevice());

let lab: Lab;
beforeEach(async () => {
  lab = await Lab.create({ blockSize: 65536, workers: 2 });
});
afterEach(() => lab.remove());

describe('an ext4 image with real files', () => {
  test.skipIf(ext4.skip)(`is backed up, changed, backed up with and without hints, and restored whole${ext4.note}`, async () => {
    const image = await makeImage('image.ext4');
    const oracle = new Map<string, string>();
    const first = await lab.backup(`file://${image}`, 'vm', '-s', 'monday');
    oracle.set(first, sha256OfFile(image));
    const before = readFileSync(image);
    await changeImage(image);
    const after = readFileSync(image);
    expect(after.equals(before)).toBe(false);

    const hints = lab.write('hints.json', JSON.stringify(changedRanges(before, after)));
    const hinted = await lab.backup('-s', 'tuesday', '-r', hints, '-f', first, `file://${image}`, 'vm');
    const plain = await lab.backup('-s', 'tuesday', `file://${image}`, 'vm');
    for (const uid of [hinted, plain]) oracle.set(uid, sha256(after));
    const content = (uid: string) => lab.blocks(uid).map(({ id, checksum, size }) => ({ id, checksum, size }));
    expect(content(hinted)).toEqual(content(plain));

    for (const uid of [first, hinted, plain]) {
      const restored = lab.path(`restored-${uid}`);
      await lab.ok('restore', uid, `file://${restored}`);
      expect(sha256OfFile(restored)).toBe(oracle.get(uid));
      await tool('e2fsck', '-fn', restored);
      rmSync(restored);
    }
    await checkStoreAndCleanUp(lab, oracle);
  });

  test.skipIf(ext4.skip)(`gives a file back that was deleted in it since${ext4.note}`, async () => {
    const image = await makeImage('image.ext4');
    const uid = await lab.backup(`file://${image}`, 'vm');
    await tool('debugfs', '-w', '-R', 'rm /etc/hosts', image);
    await lab.ok('restore', '-f', uid, `file://${image}`);
    expect(await tool('debugfs', '-R', 'cat /etc/hosts', image)).toBe('127.0.0.1 localhost\n');
  });

  test.skipIf(ext4.skip)(`that was built anew from a changed folder shares its unchanged blocks${ext4.note}`, async () => {
    const oracle = new Map<string, string>();
    const first = await makeImage('first.ext4');
    oracle.set(await lab.backup(`file://${first}`, 'vm'), sha256OfFile(first));
    const blobs = lab.blobs().length;
    writeFileSync(join(lab.path('files'), 'new file'), noise(100_000, 'new file'));
    const second = await makeImage('second.ext4');
    oracle.set(await lab.backup(`file://${second}`, 'vm'), sha256OfFile(second));
    expect(lab.blobs().length).toBeLessThan(2 * blobs);
    await checkStoreAndCleanUp(lab, oracle);
  });
});

describe('a block device', () => {
  test.skipIf(loop.skip)(`is backed up and restored to${loop.note}`, async () => {
    const bytes = noise(1024 * 1024 + 3 * 512, 'device');
    const device = await attach(lab.write('disk', bytes));
    try {
      const uid = await lab.backup(`file://${device}`, 'disk');
      expect(lab.version(uid).size_bytes).toBe(bytes.length);
      expect(await lab.restoredSha256(uid)).toBe(sha256(bytes));

      const target = await attach(lab.write('target', Buffer.alloc(bytes.length + 65536, 0xaa)));
      try {
        expect((await lab.run(['restore', uid, `file://${target}`])).code).toBe(1);
        await lab.ok('restore', '-f', uid, `file://${target}`);
      } finally {
        await tool('losetup', '-d', target);
      }
      const restored = readFileSync(lab.path('target'));
      expect(sha256(restored.subarray(0, bytes.length))).toBe(sha256(bytes));
      expect(restored.subarray(bytes.length).every((byte) => byte === 0xaa)).toBe(true);
    } finally {
      await tool('losetup', '-d', device);
    }
  });

  test.skipIf(loop.skip)(`that is too small for the version is refused and not touched${loop.note}`, async () => {
    const uid = await lab.backup(`file://${lab.write('image', noise(1024 * 1024, 'image'))}`, 'disk');
    const device = await attach(lab.write('small', noise(512 * 1024, 'small')));
    try {
      const { code, stderr } = await lab.run(['restore', '-f', uid, `file://${device}`]);
      expect(code).toBe(1);
      expect(stderr).toContain('ERROR: Target size is too small. Has 524288b, need 1048576b.');
    } finally {
      await tool('losetup', '-d', device);
    }
    expect(sha256OfFile(lab.path('small'))).toBe(sha256(noise(512 * 1024, 'small')));
  });

  test.skipIf(loop.skip)(`with zeros on it is zeroed where the version is sparse${loop.note}`, async () => {
    const bytes = Buffer.concat([noise(65536, 'a'), Buffer.alloc(5 * 65536), noise(65536, 'b')]);
    const uid = await lab.backup(`file://${lab.write('image', bytes)}`, 'disk');
    const device = await attach(lab.write('target', noise(bytes.length, 'old')));
    try {
      await lab.ok('restore', '-f', uid, `file://${device}`);
      expect(sha256OfFile(device)).toBe(sha256(bytes));
      await lab.ok('scrub', '-s', `file://${device}`, uid);
    } finally {
      await tool('losetup', '-d', device);
    }
  });
});

async function attach(file: string): Promise<string> {
  return (await tool('losetup', '-f', '--show', file)).trim();
}

/** Creates a file system from the lab's folder `files`, which the first call fills. */
async function makeImage(name: string): Promise<string> {
  const files = lab.path('files');
  mkdirSync(join(files, 'etc'), { recursive: true });
  writeFileSync(join(files, 'etc/hosts'), '127.0.0.1 localhost\n');
  for (let n = 0; n < 20; n++) writeFileSync(join(files, `data ${n}`), noise(n * 9973, `data ${n}`));
  cpSync(new URL('../../package-lock.json', import.meta.url), join(files, 'package-lock.json'));
  const image = lab.path(name);
  const options = ['-U', '11111111-2222-3333-4444-555555555555', '-E', 'hash_seed=66666666-7777-8888-9999-000000000000'];
  await tool('mke2fs', '-q', '-t', 'ext4', ...options, '-d', files, image, '24M');
  return image;
}

/** Removes a file and writes another, like a running machine. */
async function changeImage(image: string): Promise<void> {
  const added = lab.write('added', noise(300_000, 'added'));
  await tool('debugfs', '-w', '-R', 'rm "/data 7"', image);
  await tool('debugfs', '-w', '-R', `write ${added} /added`, image);
  await tool('debugfs', '-w', '-R', 'mkdir /fresh', image);
}
