import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FILES, makeExt4 } from '../support/images/ext4.ts';
import { clientSide, mixedImage, STORES } from '../support/images/images.ts';
import { noise, runSeed, seededRandom } from '../support/images/random.ts';
import { sha256, sha256OfFile } from '../support/images/sha256.ts';
import { Lab } from '../support/labs/lab.ts';
import { PATH_WITH_SBIN, Running, tool } from '../support/program/process.ts';
import { endServing, type Serving, startNbd, stopServing } from '../support/program/serving.ts';

const BLOCK = 65536;
/** qemu counts in sectors. */
const SECTOR = 512;
const image = mixedImage(BLOCK, 200, 'image').subarray(0, 200 * BLOCK + 3 * SECTOR);

describe.each(STORES)('clients of NBD ($store)', ({ store, options }) => {
  let lab: Lab;
  let uid: string;
  let server: Serving & { socket: string };
  let source: string;
  const uri = (name: string) => `nbd+unix:///${name}?socket=${server.socket}`;
  beforeEach(async () => {
    lab = await Lab.create({ blockSize: BLOCK, ...options });
    lab.configure({ DEFAULTS: { cachedir: lab.path('home') } });
    source = lab.write('image', image);
    uid = await lab.backup(`file://${source}`, 'vm');
  });
  afterEach(async () => {
    await endServing(server);
    lab.remove();
  });

  clientSide(store, () => {
    test('nbdinfo lists the exports, their features, and ranges with data', async () => {
      server = await startNbd(lab);
      const list = JSON.parse(await tool('nbdinfo', '--list', '--json', uri(''))) as { exports: Record<string, unknown>[] };
      expect(list.exports.map((each) => each['export-name']).sort()).toEqual([uid, 'vm'].sort());
      const { exports } = JSON.parse(await tool('nbdinfo', '--json', uri('vm'))) as { exports: Record<string, unknown>[] };
      expect(exports[0]).toMatchObject({
        'export-size': image.length,
        is_read_only: false,
        can_multi_conn: true,
        can_fua: true,
        can_trim: true,
      });
      const map = JSON.parse(await tool('nbdinfo', '--map', '--json', uri(uid))) as {
        offset: number;
        length: number;
        type: number;
      }[];
      expect(map.reduce((sum, { length }) => sum + length, 0)).toBe(image.length);
      const holes = map.filter(({ type }) => type === 3);
      expect(holes).toHaveLength(40);
      for (const { offset, length } of holes)
        expect(image.subarray(offset, offset + length).every((byte) => byte === 0)).toBe(true);
    });
  });

  test('nbdcopy copies from it and to it, with several connections', async () => {
    server = await startNbd(lab);
    const target = lab.path('copied');
    await tool('nbdcopy', '--connections=4', uri('vm'), target);
    expect(sha256OfFile(target)).toBe(sha256(image));
    const other = lab.write('other', noise(image.length, 'other').fill(0, 3 * BLOCK, 40 * BLOCK));
    await tool('nbdcopy', '--connections=4', other, uri('vm'));
    await tool('nbdcopy', uri(uid), target);
    expect(sha256OfFile(target)).toBe(sha256OfFile(other));
    await stopServing(server);
    expect(await lab.restoredSha256(uid)).toBe(sha256(image));
  });

  clientSide(store, () => {
    test('qemu-img compares and converts, from it and to it', async () => {
      server = await startNbd(lab);
      const raw = ['-f', 'raw', '-F', 'raw'];
      expect(await tool('qemu-img', 'compare', ...raw, source, uri('vm'))).toContain('Images are identical.');
      const target = lab.path('image.qcow2');
      await tool('qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', uri('vm'), target);
      expect(await tool('qemu-img', 'compare', '-f', 'raw', '-F', 'qcow2', source, target)).toContain('Images are identical.');
      const other = lab.write('other', noise(image.length, 'other').fill(0, 3 * BLOCK, 40 * BLOCK));
      await tool('qemu-img', 'convert', '-n', '-f', 'raw', '-O', 'raw', other, uri('vm'));
      expect(await tool('qemu-img', 'compare', ...raw, other, uri(uid))).toContain('Images are identical.');
    });

    test('qemu-io writes at random, and reads the same as from a file after the same writes', async () => {
      server = await startNbd(lab);
      const model = lab.path('model');
      copyFileSync(source, model);
      const seed = runSeed();
      const random = seededRandom(seed);
      const commands = Array.from({ length: 150 }, (_, i) => {
        const offset = Math.floor((random() * (image.length - SECTOR)) / SECTOR) * SECTOR;
        const length = SECTOR * (1 + Math.floor((random() * Math.min(3 * BLOCK, image.length - offset - SECTOR)) / SECTOR));
        const write = ['write', 'write -z', 'write -z -u', 'write -f', 'discard', 'flush'][i % 5] ?? 'write';
        if (write === 'discard') return `write -z ${offset} ${length}`;
        return write.includes('-z') ? `${write} ${offset} ${length}` : `${write} -P ${1 + (i % 250)} ${offset} ${length}`;
      });
      for (const file of [model, uri('vm')])
        await tool('qemu-io', '-f', 'raw', ...commands.flatMap((command) => ['-c', command]), file);
      expect(await tool('qemu-img', 'compare', '-f', 'raw', '-F', 'raw', model, uri(uid)), `seed ${seed}`).toContain('identical');
    });

    test('nbdfuse presents it as a file, read and written', async () => {
      server = await startNbd(lab);
      const folder = lab.path('mnt');
      mkdirSync(folder);
      const nbdfuse = new Running(['nbdfuse', folder, uri('vm')], { env: { PATH: PATH_WITH_SBIN } });
      try {
        const file = `${folder}/nbd`;
        await expect.poll(() => existsSync(file)).toBe(true);
        expect(statSync(file).size).toBe(image.length);
        expect(sha256OfFile(file)).toBe(sha256(image));
        const model = Buffer.from(image);
        const bytes = noise(100_001, 'written');
        bytes.copy(model, 77_777);
        const fd = openSync(file, 'r+');
        writeSync(fd, bytes, 0, bytes.length, 77_777);
        const back = Buffer.alloc(bytes.length);
        readSync(fd, back, 0, back.length, 77_777);
        closeSync(fd);
        expect(back.equals(bytes)).toBe(true);
        expect(sha256OfFile(file)).toBe(sha256(model));
      } finally {
        await tool('fusermount', '-u', '-z', folder);
        await nbdfuse.ended;
      }
    });
  });

  test('four clients at once each get their own data', async () => {
    const other = noise(image.length, 'other image');
    await lab.backup(`file://${lab.write('other', other)}`, 'other');
    server = await startNbd(lab);
    const copies = ['vm', 'other', uid, 'other'].map(async (name, i) => {
      const target = lab.path(`copy-${i}`);
      await tool('nbdcopy', uri(name), target);
      return sha256OfFile(target);
    });
    expect(await Promise.all(copies)).toEqual([image, other, image, other].map(sha256));
  });

  clientSide(store, () => {
    test('a bad block is an error only for its readers', async () => {
      lab.blobAt(uid, 100).remove();
      server = await startNbd(lab);
      const read = (offset: number) => tool('qemu-io', '-r', '-f', 'raw', '-c', `read ${offset} ${BLOCK}`, uri(uid));
      await expect(read(100 * BLOCK)).rejects.toThrow('Input/output error');
      expect(await read(99 * BLOCK)).toContain('read 65536/65536 bytes');
      expect(await read(101 * BLOCK)).toContain('read 65536/65536 bytes');
    });
  });

  test('a damaged file system is repaired in a backup, saved, and restored: clean', async () => {
    const ext4 = await makeExt4(lab, 'fs', '24M');
    // Destroys the group descriptors and a bitmap; e2fsck rebuilds them from other places.
    const damaged = readFileSync(ext4);
    damaged.fill(0xff, 4096, 2 * 4096);
    writeFileSync(ext4, damaged);
    const broken = await lab.backup(`file://${ext4}`, 'fs');
    const blobs = lab.blobs().length;
    server = await startNbd(lab, '--save', '--export', 'fs');
    const folder = lab.path('mnt');
    mkdirSync(folder);
    const nbdfuse = new Running(['nbdfuse', folder, uri('fs')], { env: { PATH: PATH_WITH_SBIN } });
    await expect.poll(() => existsSync(`${folder}/nbd`)).toBe(true);
    const fsck = await new Running(['e2fsck', '-fy', `${folder}/nbd`], { env: { PATH: PATH_WITH_SBIN } }).ended;
    expect(fsck.code, fsck.stdout).toBe(1);
    await tool('fusermount', '-u', folder);
    await nbdfuse.ended;
    await expect.poll(() => server.running.stdout.trim().split('\n').length).toBe(2);
    const saved = server.running.stdout.trim().split('\n')[1] ?? '';
    expect(lab.tags(saved)).toEqual(['nbd']);
    expect(await lab.restoredSha256(broken)).toBe(sha256(damaged));
    const restored = lab.path('restored');
    await lab.ok('restore', saved, `file://${restored}`);
    await tool('e2fsck', '-fn', restored);
    for (const [path, bytes] of Object.entries(FILES)) {
      await tool('debugfs', '-R', `dump /${path} ${lab.path('dumped')}`, restored);
      expect(sha256OfFile(lab.path('dumped')), path).toBe(sha256(bytes));
    }
    const changed = lab.blocks(saved).filter(({ id, checksum }) => checksum !== lab.blocks(broken)[id]?.checksum);
    expect(changed.length).toBeGreaterThan(0);
    expect(lab.blobs().length - blobs).toBeLessThanOrEqual(changed.length);
    truncateSync(restored, 0);
  });
});
