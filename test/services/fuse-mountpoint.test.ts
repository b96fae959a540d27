import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FILES, makeExt4 } from '../support/images/ext4.ts';
import { noise } from '../support/images/random.ts';
import { sha256, sha256OfFile } from '../support/images/sha256.ts';
import type { Lab } from '../support/labs/lab.ts';
import { PATH_WITH_SBIN, Running, tool } from '../support/program/process.ts';
import { endServing, type Serving, startServing } from '../support/program/serving.ts';
import { createFuseLab, IMAGE } from './fuse-lab.ts';

describe('the mountpoint of backy2 fuse', () => {
  let lab: Lab;
  let uid: string;
  let mounted: Serving;
  let mnt: string;
  const data = (version = uid) => join(mnt, 'by_version_uid', version, 'data');
  beforeEach(async () => {
    ({ lab, uid, mnt } = await createFuseLab({}));
  });
  afterEach(async () => {
    await endServing(mounted);
    lab.remove();
  });

  test('is ended by fusermount -u', async () => {
    mounted = await startServing(lab, 'fuse', mnt);
    readFileSync(data());
    await tool('fusermount', '-u', mnt);
    expect(await mounted.running.ended).toMatchObject({ code: 0, stderr: '' });
    expect(lab.lockFiles()).toEqual([]);
  });

  test('can be freed after a kill, which leaves nothing in cachedir', async () => {
    mounted = await startServing(lab, 'fuse', mnt);
    const fd = openSync(data(), 'r+');
    writeSync(fd, noise(100, 'x'), 0, 100, 5);
    mounted.running.kill('SIGKILL');
    await mounted.running.ended;
    expect(() => closeSync(fd)).toThrow('ENOTCONN');
    expect(readdirSync(lab.path('home'))).toEqual([]);
    await tool('fusermount', '-u', mnt);
    expect(readdirSync(mnt)).toEqual([]);
    mounted = await startServing(lab, 'fuse', mnt);
    expect(sha256OfFile(data())).toBe(sha256(IMAGE));
  });

  test('in use is kept at the end: the message names the user, and it ends once the user has left', async () => {
    mounted = await startServing(lab, 'fuse', mnt);
    const holder = new Running(['sleep', '40'], { env: { PATH: PATH_WITH_SBIN }, cwd: join(mnt, 'by_name') });
    await expect.poll(() => readlinkSync(`/proc/${holder.pid}/cwd`)).toBe(join(mnt, 'by_name'));
    mounted.running.kill('SIGINT');
    await expect.poll(() => lab.log()).toContain(`is in use by process ${holder.pid} (sleep)`);
    expect(sha256OfFile(data())).toBe(sha256(IMAGE));
    expect(mounted.running.hasEnded).toBe(false);
    holder.kill('SIGKILL');
    expect((await mounted.running.ended).code).toBe(0);
    expect(readdirSync(mnt)).toEqual([]);
  });

  test('must be a folder', async () => {
    mounted = await startServing(lab, 'fuse', mnt);
    for (const [folder, why] of [
      [mnt, 'something is mounted there already'],
      [lab.path('nothing'), 'it does not exist'],
      [lab.path('image'), 'it is not a folder'],
      [lab.path('home/..'), 'it is not empty'],
    ] as const) {
      const { code, stderr } = await lab.run(['fuse', folder]);
      expect(code, folder).toBe(100);
      expect(stderr).toContain(why);
    }
  });

  test('holds an ext4 image that can be mounted, read and written', async () => {
    const source = await makeExt4(lab, 'fs', '24M');
    const before = sha256OfFile(source);
    const fs = await lab.backup(`file://${source}`, 'fs');
    mounted = await startServing(lab, 'fuse', mnt);
    const device = (await tool('losetup', '-f', '--show', data(fs))).trim();
    const folder = lab.path('fs-mnt');
    mkdirSync(folder);
    try {
      await tool('mount', device, folder);
      try {
        for (const [path, bytes] of Object.entries(FILES))
          expect(readFileSync(join(folder, path)).equals(bytes), path).toBe(true);
        writeFileSync(join(folder, 'written'), noise(500_000, 'written'));
        rmSync(join(folder, 'etc/hosts'));
        chmodSync(join(folder, 'var/large'), 0o600);
      } finally {
        await tool('umount', folder);
      }
      await tool('e2fsck', '-fn', device);
      await tool('mount', '-o', 'ro', device, folder);
      expect(readFileSync(join(folder, 'written')).equals(noise(500_000, 'written'))).toBe(true);
      await tool('umount', folder);
    } finally {
      await tool('losetup', '-d', device);
    }
    expect(await lab.restoredSha256(fs)).toBe(before);
  });

  test('holds an image whose partition can be mounted, read and written', async () => {
    const ext4 = await makeExt4(lab, 'fs', '16M');
    const disk = lab.path('disk');
    await tool('truncate', '-s', '20M', disk);
    await tool('sh', '-c', `printf 'label: dos\\nstart=2048, size=32768, type=83\\n' | sfdisk -q ${disk}`);
    await tool('dd', `if=${ext4}`, `of=${disk}`, 'bs=1M', 'seek=1', 'conv=notrunc', 'status=none');
    const partitioned = await lab.backup(`file://${disk}`, 'disk');
    mounted = await startServing(lab, 'fuse', mnt);
    const folder = lab.path('part-mnt');
    mkdirSync(folder);
    // Does the work of losetup -P, also on kernels whose loop devices have no partitions.
    const device = (await tool('losetup', '-f', '--show', '-o', String(2048 * 512), data(partitioned))).trim();
    try {
      await tool('mount', device, folder);
      expect(readFileSync(join(folder, 'etc/hosts')).equals(FILES['etc/hosts'] ?? Buffer.alloc(0))).toBe(true);
      writeFileSync(join(folder, 'written'), noise(50_000, 'written'));
      await tool('umount', folder);
      await tool('mount', '-o', 'ro', device, folder);
      expect(readFileSync(join(folder, 'written')).equals(noise(50_000, 'written'))).toBe(true);
      await tool('umount', folder);
    } finally {
      await tool('losetup', '-d', device);
    }
    expect(await lab.restoredSha256(partitioned)).toBe(sha256OfFile(disk));
  });

  test('in use by a loop device: the message names the device', async () => {
    mounted = await startServing(lab, 'fuse', mnt);
    const device = (await tool('losetup', '-f', '--show', '-r', data())).trim();
    mounted.running.kill('SIGINT');
    await expect.poll(() => lab.log()).toContain(`is in use by ${device} (losetup -d ${device})`);
    await tool('losetup', '-d', device);
    expect((await mounted.running.ended).code).toBe(0);
  });
});
