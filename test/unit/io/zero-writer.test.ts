import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { discardDevice } from '../../../src/io/file/discard.ts';
import { thinChunkBytes } from '../../../src/io/file/thin-volume.ts';
import { isZeroAlready, ZeroWriter } from '../../../src/io/file/zero-writer.ts';

const SECTOR = 4096;
const GIB = 1024 ** 3;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-zeros-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('zeros without writing them', () => {
  /** Notes the calls of ways that work or not, and the ranges that are written. */
  function noting(works: boolean[], unit = 1) {
    const calls: string[] = [];
    const ways = works.map((does, n) => async (_: number, offset: number, length: number) => {
      calls.push(`way ${n}: ${offset}+${length}`);
      return does;
    });
    const zeros = new ZeroWriter(0, { ways, unit });
    const write = async (offset: number, length: number) => void calls.push(`write ${offset}+${length}`);
    return { calls, zero: (offset: number, length: number) => zeros.zero(offset, length, write) };
  }

  it.each([
    [[true, true], ['way 0: 5+7']],
    [
      [false, true],
      ['way 0: 5+7', 'way 1: 5+7'],
    ],
    [
      [false, false],
      ['way 0: 5+7', 'way 1: 5+7', 'write 5+7'],
    ],
  ])('take the first way that works: %j', async (works, expected) => {
    const { calls, zero } = noting(works);
    await zero(5, 7);
    expect(calls).toEqual(expected);
  });

  it.each<[number, number, string[]]>([
    [0, 2 * SECTOR, [`way 0: 0+${2 * SECTOR}`]],
    [512, 2 * SECTOR, [`write 512+${SECTOR - 512}`, `way 0: ${SECTOR}+${SECTOR}`, `write ${2 * SECTOR}+512`]],
    [0, 512, ['write 0+512']],
    [100, 50, ['write 100+50']],
    [SECTOR - 10, 20, [`write ${SECTOR - 10}+10`, `write ${SECTOR}+10`]],
  ])('cover whole sectors of a device; the rest of %i, %i bytes is written', async (offset, length, expected) => {
    const { calls, zero } = noting([true], SECTOR);
    await zero(offset, length);
    expect(calls).toEqual(expected);
  });

  it('end the tries of what a system never can', async () => {
    const { calls, zero } = noting([false]);
    for (let n = 0; n < 20; n++) await zero(0, 1);
    expect(calls.filter((call) => call.startsWith('way'))).toHaveLength(8);
    expect(calls.filter((call) => call.startsWith('write'))).toHaveLength(20);
  });

  it('are found by reading: the whole range, and no more', async () => {
    const image = Buffer.alloc(3 * 1024 * 1024);
    image[0] = 1;
    image[image.length - 1] = 1;
    writeFileSync(join(folder, 'image'), image);
    const fd = openSync(join(folder, 'image'), 'r');
    const found = [
      [1, image.length - 2],
      [0, 10],
      [1, image.length - 1],
      [10, image.length],
    ].map(([offset = 0, length = 0]) => isZeroAlready(fd, offset, length));
    expect(await Promise.all(found)).toEqual([true, false, false, false]);
    closeSync(fd);
    expect(await isZeroAlready(fd, 1, 1)).toBe(false);
  });
});

describe('a thin volume', () => {
  function device(name: string, uuids: string[], granularity = '65536'): number {
    mkdirSync(join(folder, 'dev/block', name, 'queue'), { recursive: true });
    writeFileSync(join(folder, 'dev/block', name, 'queue/discard_granularity'), `${granularity}\n`);
    for (const [n, uuid] of uuids.entries()) {
      mkdirSync(join(folder, 'dev/block', name, `slaves/dm-${n}/dm`), { recursive: true });
      writeFileSync(join(folder, 'dev/block', name, `slaves/dm-${n}/dm/uuid`), `${uuid}\n`);
    }
    const [major = 0, minor = 0] = name.split(':').map(Number);
    return ((minor & 0xfff00) << 12) | (major << 8) | (minor & 0xff);
  }

  it('is on a pool of LVM, and has chunks', () => {
    expect(thinChunkBytes(device('253:5', ['LVM-abc-tpool']), folder)).toBe(65536);
    expect(thinChunkBytes(device('253:1000', ['LVM-abc-tpool'], '1048576'), folder)).toBe(1048576);
  });

  it('is nothing else', () => {
    expect(thinChunkBytes(device('253:6', ['LVM-abc', 'CRYPT-LUKS2-tpool-x']), folder)).toBeUndefined();
    expect(thinChunkBytes(device('253:7', ['LVM-abc-tpool'], '0'), folder)).toBeUndefined();
    expect(thinChunkBytes(device('8:0', []), folder)).toBeUndefined();
  });
});

describe('a device is discarded', () => {
  const discardOf = (sizeBytes: number, failsAt = Number.POSITIVE_INFINITY, signal = new AbortController().signal) => {
    const pieces: [number, number][] = [];
    const discard = async (_: number, offset: number, length: number) => pieces.push([offset, length]) > 0 && offset < failsAt;
    return { pieces, done: discardDevice({ fd: 0, sizeBytes }, signal, discard) };
  };

  it('in pieces, to its end', async () => {
    const { pieces, done } = discardOf(2 * GIB + 512);
    expect(await done).toBe(2 * GIB + 512);
    expect(pieces).toEqual([
      [0, GIB],
      [GIB, GIB],
      [2 * GIB, 512],
    ]);
  });

  it('up to a failure, or to a signal', async () => {
    expect(await discardOf(3 * GIB, 0).done).toBe(0);
    expect(await discardOf(3 * GIB, GIB).done).toBe(GIB);
    await expect(discardOf(GIB, GIB, AbortSignal.abort(new Error('stopped'))).done).rejects.toThrow('stopped');
  });

  it('not if it is a file', async () => {
    const path = join(folder, 'file');
    writeFileSync(path, randomBytes(SECTOR));
    const fd = openSync(path, 'r+');
    expect(await discardDevice({ fd, sizeBytes: SECTOR }, new AbortController().signal)).toBe(0);
    closeSync(fd);
  });
});
