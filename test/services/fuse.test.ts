import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { STORES } from '../support/images/images.ts';
import { noise, runSeed, seededRandom } from '../support/images/random.ts';
import { sha256, sha256OfFile } from '../support/images/sha256.ts';
import type { Lab } from '../support/labs/lab.ts';
import { tool } from '../support/program/process.ts';
import { endServing, type Serving, startServing, stopServing } from '../support/program/serving.ts';
import { BLOCK_BYTES, createFuseLab, IMAGE } from './fuse-lab.ts';

describe.each(STORES)('backy2 fuse ($store)', ({ options }) => {
  let lab: Lab;
  let uid: string;
  let mounted: Serving;
  let mnt: string;
  const data = (version = uid) => join(mnt, 'by_version_uid', version, 'data');
  beforeEach(async () => {
    ({ lab, uid, mnt } = await createFuseLab(options));
  });
  afterEach(async () => {
    await endServing(mounted);
    lab.remove();
  });

  test('shows every version with its metadata', async () => {
    const other = await lab.backup(`file://${lab.write('small', noise(5, 'small'))}`, 'web/ä b');
    const empty = await lab.backup(`file://${lab.write('empty', '')}`, 'vm');
    await lab.ok('protect', uid);
    lab.sql('UPDATE versions SET valid = 0 WHERE uid = ?', other);
    mounted = await startServing(lab, 'fuse', mnt);
    const text = (version: string, name: string) => readFileSync(join(mnt, 'by_version_uid', version, name), 'utf8');
    expect(readdirSync(mnt).sort()).toEqual(['by_name', 'by_version_uid']);
    expect(readdirSync(join(mnt, 'by_version_uid')).sort()).toEqual([uid, other, empty].sort());
    expect(readdirSync(join(mnt, 'by_version_uid', uid)).sort()).toEqual(
      ['data', 'expire', 'name', 'protected', 'snapshot_name', 'tags', 'valid'].sort(),
    );
    expect(['name', 'snapshot_name', 'expire', 'tags', 'valid', 'protected'].map((name) => text(uid, name))).toEqual([
      'vm',
      'snap',
      '2031-01-02T03:04:05',
      'a,b',
      'valid',
      'protected',
    ]);
    expect(readdirSync(join(mnt, 'by_version_uid', other)).sort()).toEqual([
      'data',
      'expire',
      'invalid',
      'name',
      'snapshot_name',
      'tags',
    ]);
    expect([text(other, 'name'), text(other, 'expire'), text(other, 'invalid')]).toEqual(['web/ä b', '', 'invalid']);
    expect(readdirSync(join(mnt, 'by_name')).sort()).toEqual(['vm', 'web%2Fä b']);
    expect(readdirSync(join(mnt, 'by_name', 'vm')).sort()).toEqual([uid, empty].sort());
    expect(readlinkSync(join(mnt, 'by_name', 'vm', uid))).toBe(`../../by_version_uid/${uid}`);
    expect(statSync(join(mnt, 'by_name', 'vm', uid, 'data'))).toMatchObject({ size: IMAGE.length, mode: 0o100600 });
    const date = new Date(`${lab.version(uid).date.replace(' ', 'T')}Z`);
    expect(statSync(data()).mtime.getTime()).toBe(Math.floor(date.getTime()));
    expect(readFileSync(data(other)).equals(noise(5, 'small'))).toBe(true);
    expect(readFileSync(data(empty)).length).toBe(0);
    for (const path of ['nothing', 'by_name/nobody', `by_version_uid/${uid}/nothing`, `by_name/vm/${other}`])
      expect(() => statSync(join(mnt, path)), path).toThrow('ENOENT');
    expect(() => writeFileSync(join(mnt, 'by_version_uid', uid, 'name'), 'x')).toThrow();
  });

  test('returns the bytes of the source, whole and in parts, to two readers at once', async () => {
    mounted = await startServing(lab, 'fuse', mnt);
    const sums = await Promise.all([1, 2].map(() => tool('sha256sum', data())));
    for (const sum of sums) expect(sum.slice(0, 64)).toBe(sha256(IMAGE));
    const part = lab.path('part');
    await tool(
      'dd',
      `if=${data()}`,
      `of=${part}`,
      'bs=12345',
      'skip=100001',
      'count=300000',
      'iflag=skip_bytes,count_bytes',
      'status=none',
    );
    expect(readFileSync(part).equals(IMAGE.subarray(100_001, 400_001))).toBe(true);
  });

  test('keeps writes beside the version, until it is unmounted', async () => {
    mounted = await startServing(lab, 'fuse', mnt);
    const seed = runSeed();
    const random = seededRandom(seed);
    const model = Buffer.from(IMAGE);
    const fd = openSync(data(), 'r+');
    for (let i = 0; i < 60; i++) {
      const offset = Math.floor(random() * model.length);
      const bytes = noise(Math.min(model.length - offset, 1 + Math.floor(random() * 2 * BLOCK_BYTES)), `${seed} ${i}`);
      bytes.copy(model, offset);
      writeSync(fd, bytes, 0, bytes.length, offset);
    }
    closeSync(fd);
    expect(sha256OfFile(data()), `seed ${seed}`).toBe(sha256(model));
    expect(() => writeFileSync(data(), 'cut')).toThrow('EPERM');
    expect(readdirSync(lab.path('home'))).toEqual([]);
    expect((await stopServing(mounted)).code).toBe(0);
    expect(await lab.restoredSha256(uid)).toBe(sha256(IMAGE));
    mounted = await startServing(lab, 'fuse', mnt);
    expect(sha256OfFile(data())).toBe(sha256(IMAGE));
  });

  test('shows new versions without a new mount', async () => {
    mounted = await startServing(lab, 'fuse', mnt);
    expect(readdirSync(join(mnt, 'by_name'))).toEqual(['vm']);
    const later = await lab.backup(`file://${lab.path('image')}`, 'later');
    await expect.poll(() => readdirSync(join(mnt, 'by_name')).sort()).toEqual(['later', 'vm']);
    expect(sha256OfFile(data(later))).toBe(sha256(IMAGE));
  });

  test('returns an I/O error for a bad block only, and marks it', async () => {
    lab.blobAt(uid, 10).write(noise(BLOCK_BYTES, 'bad'));
    mounted = await startServing(lab, 'fuse', mnt);
    const fd = openSync(data(), 'r');
    const into = Buffer.alloc(4096);
    expect(() => readSync(fd, into, 0, into.length, 10 * BLOCK_BYTES + 5)).toThrow('EIO');
    readSync(fd, into, 0, into.length, 13 * BLOCK_BYTES + 5);
    expect(into.equals(IMAGE.subarray(13 * BLOCK_BYTES + 5, 13 * BLOCK_BYTES + 5 + 4096))).toBe(true);
    closeSync(fd);
    await expect.poll(() => lab.version(uid).valid).toBe(0);
    const file = join(mnt, 'by_version_uid', uid);
    await expect.poll(() => readdirSync(file)).toContain('invalid');
    expect((await stopServing(mounted)).stderr).toContain('block 10 ');
  });
});
