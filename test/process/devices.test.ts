import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { sha256OfFile } from '../support/images/sha256.ts';
import { expectFailure } from '../support/labs/expect-failure.ts';
import { Lab } from '../support/labs/lab.ts';
import { stateOf } from '../support/labs/lab-state.ts';
import { tool } from '../support/program/process.ts';
import { lacking, needLoopDevice, needTool } from '../support/runner/machine.ts';

const BLOCK = 65_536;
const image = noise(4 * BLOCK, 'image');
const NO_IMAGE = 'is neither a regular file nor a block device';
const SOON = { timeoutMs: 20_000 };

const loop = lacking(await needLoopDevice(), await needTool('mke2fs', '-V'));

let lab: Lab;
let uid: string;
beforeEach(async () => {
  lab = await Lab.create({ blockSize: BLOCK });
  uid = await lab.backup(`file://${lab.write('image', image)}`, 'vm');
});
afterEach(() => lab.remove());

/** Paths that a process has open. */
function openPaths(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkIfOpen(`/proc/${pid}/fd/${fd}`));
}

function readlinkIfOpen(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return 'closed meanwhile';
  }
}

async function attach(file: string): Promise<string> {
  return (await tool('losetup', '-f', '--show', file)).trim();
}

describe('a block device', () => {
  test.skipIf(loop.skip)(`that is mounted is no target; unmounted it is one${loop.note}`, async () => {
    const disk = lab.write('disk', Buffer.alloc(4 * 1024 * 1024));
    const device = await attach(disk);
    try {
      for (const folder of ['files', 'mnt']) mkdirSync(lab.path(folder));
      writeFileSync(lab.path('files/file'), 'precious');
      await tool('mke2fs', '-q', '-t', 'ext4', '-d', lab.path('files'), device);
      // Read-only, so that nobody else writes to it.
      await tool('mount', '-o', 'ro,noload', device, lab.path('mnt'));
      try {
        const before = { disk: sha256OfFile(device), stored: stateOf(lab) };
        const result = await lab.run(['restore', '-f', uid, `file://${device}`]);
        expectFailure(result, 1, `Target ${device} is in use: mounted, LVM, md or swap.`);
        expectFailure(await lab.run(['restore', '-f', '--delta', uid, `file://${device}`]), 1, `Target ${device} is in use`);
        expectFailure(await lab.run(['export', uid, device]), 100, `Cannot export to ${device}: EBUSY`);
        expect({ disk: sha256OfFile(device), stored: stateOf(lab) }).toEqual(before);
        expect(readFileSync(lab.path('mnt/file'), 'utf8')).toBe('precious');
      } finally {
        await tool('umount', lab.path('mnt'));
      }
      await lab.ok('restore', '-f', uid, `file://${device}`);
      expect(readFileSync(device).subarray(0, image.length).equals(image)).toBe(true);
      await tool('dd', 'if=/dev/zero', `of=${device}`, 'bs=512', 'seek=300', 'count=1', 'conv=notrunc,fsync', 'status=none');
      expect(await lab.ok('restore', '-f', '--delta', uid, `file://${device}`)).toContain('INFO: 3 blocks kept, 1 written.');
      expect(readFileSync(device).subarray(0, image.length).equals(image)).toBe(true);
    } finally {
      await tool('losetup', '-d', device);
    }
  });

  test.skipIf(loop.skip)(`gets its space back for zeros, and all of it with --discard${loop.note}`, async () => {
    const zeros = Buffer.concat([noise(BLOCK, 'start'), Buffer.alloc(14 * BLOCK), noise(BLOCK + 512, 'end')]);
    const version = await lab.backup(`file://${lab.write('zeros', zeros)}`, 'zeros');
    const disk = lab.write('disk', Buffer.alloc(64 * BLOCK, 'old'));
    const allocated = () => statSync(disk).blocks * 512;
    const device = await attach(disk);
    try {
      await lab.ok('restore', '-f', version, `file://${device}`);
      const expected = Buffer.concat([zeros, Buffer.alloc(64 * BLOCK, 'old').subarray(zeros.length)]);
      expect(readFileSync(device).equals(expected)).toBe(true);
      expect(allocated()).toBe(50 * BLOCK);
      const said = await lab.ok('restore', '-f', '--discard', version, `file://${device}`);
      expect(said).not.toMatch(/larger|can't be discarded/);
      expect(readFileSync(device).subarray(0, zeros.length).equals(zeros)).toBe(true);
      expect(allocated()).toBe(2 * BLOCK + 4096);
    } finally {
      await tool('losetup', '-d', device);
    }
  });

  test.skipIf(loop.skip)(`can't be mounted while it is restored to${loop.note}`, async () => {
    const large = noise(80 * BLOCK, 'large');
    const version = await lab.backup(`file://${lab.write('large', large)}`, 'large');
    const device = await attach(lab.write('disk', Buffer.alloc(160 * BLOCK)));
    try {
      await tool('mke2fs', '-q', '-t', 'ext4', device);
      mkdirSync(lab.path('mnt'));
      // It would take minutes.
      lab.configure({ DataBackend: { bandwidth_read: BLOCK / 2 } });
      const running = lab.start(['restore', '-f', version, `file://${device}`]);
      await expect.poll(() => openPaths(running.pid)).toContain(device);
      const mounted = await tool('mount', device, lab.path('mnt')).then(
        () => tool('umount', lab.path('mnt')),
        (error: unknown) => String(error),
      );
      running.kill('SIGTERM');
      expect((await running.ended).code).toBe(143);
      expect(mounted).toMatch(/busy|already mounted/);
    } finally {
      await tool('losetup', '-d', device);
    }
  });

  test.skipIf(loop.skip)(`that nothing is attached to is no source and no target${loop.note}`, async () => {
    // A file of 0 bytes gives a device of 0 bytes. A detached device could belong to another test
    // by now.
    const device = await attach(lab.write('nothing', ''));
    try {
      const before = stateOf(lab);
      expectFailure(await lab.run(['backup', `file://${device}`, 'x']), 100, `Device ${device} has 0 bytes`);
      expectFailure(await lab.run(['scrub', '-s', `file://${device}`, uid]), 100, `Device ${device} has 0 bytes`);
      expectFailure(await lab.run(['restore', '-f', uid, `file://${device}`]), 1, `Device ${device} has 0 bytes`);
      expect(stateOf(lab)).toEqual(before);
    } finally {
      await tool('losetup', '-d', device);
    }
  });
});

describe('a pipe', () => {
  beforeEach(async () => {
    await tool('mkfifo', lab.path('pipe'));
  });

  test('is at once no source and no target', async () => {
    const before = stateOf(lab);
    const pipe = `file://${lab.path('pipe')}`;
    expectFailure(await lab.run(['backup', pipe, 'x'], SOON), 100, NO_IMAGE);
    expectFailure(await lab.run(['scrub', '-s', pipe, uid], SOON), 100, NO_IMAGE);
    expectFailure(await lab.run(['restore', '-f', uid, pipe], SOON), 1, NO_IMAGE);
    expect(stateOf(lab)).toEqual(before);
  });

  test('in place of a blob is that block’s finding, and is mended by a backup', async () => {
    const blob = lab.blobOf(uid, 1);
    rmSync(blob);
    await tool('mkfifo', blob);
    const restore = await lab.run(['restore', uid, `file://${lab.path('out')}`], SOON);
    expect(restore.code).toBe(20);
    expect(restore.stderr).toMatch(/can't be read during restore for block 1 .*/);
    const expected = Buffer.from(image).fill(0, BLOCK, 2 * BLOCK);
    expect(readFileSync(lab.path('out')).equals(expected)).toBe(true);
    const scrub = await lab.run(['scrub', uid], SOON);
    expect(scrub.code).toBe(20);
    await lab.backup(`file://${lab.path('image')}`, 'vm');
    await lab.ok('scrub', uid);
  });

  test('found by dedup in place of a blob is not used', async () => {
    const blob = lab.blobOf(uid, 1);
    rmSync(blob);
    await tool('mkfifo', blob);
    const { code, stdout } = await lab.run(['backup', `file://${lab.path('image')}`, 'again'], SOON);
    expect(code).toBe(0);
    expect(stdout).toContain('was not used again for block 1');
    for (const version of lab.versions()) await lab.ok('scrub', version.uid);
  });
});

test('a socket is no source, and in place of a blob it is that block’s finding', async () => {
  const blob = lab.blobOf(uid, 1);
  rmSync(blob);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(lab.path('s'), resolve));
  try {
    expectFailure(await lab.run(['backup', `file://${lab.path('s')}`, 'x'], SOON), 100, NO_IMAGE);
    await tool('ln', lab.path('s'), blob);
    expect((await lab.run(['scrub', uid], SOON)).code).toBe(20);
  } finally {
    server.close();
  }
});
