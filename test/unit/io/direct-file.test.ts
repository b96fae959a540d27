import { randomBytes } from 'node:crypto';
import { closeSync, constants, openSync, readFileSync, readSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DirectFile } from '../../../src/io/file/direct-file.ts';
import { alignedBytes } from '../../../src/native/direct-io.ts';
import type { DirectIoMode } from '../../../src/native/direct-io-switch.ts';

const PAGE = 4096;
const KIB_64 = 65_536;
let path: string;
let fd: number;
let opened: DirectFile[];
beforeEach(() => {
  path = join(tmpdir(), `backy2-direct-${process.pid}-${randomBytes(6).toString('hex')}`);
  writeFileSync(path, randomBytes(2 * KIB_64));
  fd = openSync(path, 'r+');
  opened = [];
});
afterEach(() => {
  for (const file of opened) file.close();
  closeSync(fd);
  rmSync(path, { force: true });
});

function open(mode: DirectIoMode, of = { path, fd, flags: constants.O_RDONLY as number }): DirectFile {
  opened.push(new DirectFile(of.path, mode, of));
  return opened.at(-1) as DirectFile;
}

/** Open flags, as the kernel knows them. */
function flagsOf(open: number): number {
  return Number.parseInt(/flags:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${open}`, 'utf8'))?.[1] ?? '', 8);
}

const failing = (code: string) => async () => {
  throw Object.assign(new Error(code), { code });
};

const START = 5 * PAGE;
const bytes = alignedBytes(4 * PAGE).subarray(0, 3 * PAGE + 100);

/** Answers calls with the numbers, one after the other. Notes offset and length of each. */
function answering(...counts: number[]) {
  const calls: [number, number][] = [];
  const call = async (_fd: number, part: Uint8Array, offset: number) => {
    expect(part.byteOffset - bytes.byteOffset).toBe(offset - START);
    calls.push([offset, part.length]);
    return counts[calls.length - 1] ?? part.length;
  };
  return { calls, call };
}

describe('a range bypasses the page cache', () => {
  const page = alignedBytes(PAGE);
  const large = alignedBytes(KIB_64 + PAGE);

  it.each<[DirectIoMode, boolean[]]>([
    ['auto', [true, true, false, false, false, false]],
    ['on', [true, true, true, true, false, false]],
    ['off', [false, false, false, false, false, false]],
  ])('with the option %s, depending on length and alignment', (mode, expected) => {
    const file = open(mode);
    const ranges: [Uint8Array, number][] = [
      [large.subarray(0, KIB_64), 0],
      [large.subarray(0, KIB_64 + 1), 3 * PAGE],
      [large.subarray(0, KIB_64 - 1), 0],
      [page, PAGE],
      [large.subarray(0, KIB_64), 512],
      [large.subarray(512, 512 + KIB_64), 0],
    ];
    expect(ranges.map(([bytes, offset]) => file.takes(bytes, offset))).toEqual(expected);
    expect(file.fd === undefined).toBe(mode === 'off');
    if (file.fd !== undefined) expect(flagsOf(file.fd) & constants.O_DIRECT).toBe(constants.O_DIRECT);
    expect(flagsOf(fd) & constants.O_DIRECT).toBe(0);
  });

  it('of the same file, even if its path leads to another one by now', async () => {
    const content = readFileSync(path);
    renameSync(path, `${path}.old`);
    writeFileSync(path, 'another');
    const file = open('on');
    const into = alignedBytes(KIB_64);
    expect(file.takes(into, 0)).toBe(true);
    await file.move(into, 0, async (open, part, offset) => readSync(open, part, 0, part.length, offset));
    rmSync(`${path}.old`);
    expect(content.subarray(0, KIB_64).equals(into)).toBe(true);
  });
});

describe('a direct transfer', () => {
  const moved = (call: Parameters<DirectFile['move']>[2]) => {
    const file = open('on');
    expect(file.takes(bytes, START)).toBe(true);
    return file.move(bytes, START, call);
  };

  const first = [START, 3 * PAGE];
  const second = [START + PAGE, 2 * PAGE];
  it.each([
    ['moves whole pages, and leaves the rest', [], 3 * PAGE, [first]],
    ['goes on after a short call of whole pages', [PAGE], 3 * PAGE, [first, second]],
    ['ends after a short call within a page', [PAGE + 512], PAGE + 512, [first]],
    ['ends where the file does', [PAGE, 0], PAGE, [first, second]],
  ])('%s', async (_, counts, expected, calls) => {
    const answers = answering(...counts);
    expect(await moved(answers.call)).toBe(expected);
    expect(answers.calls).toEqual(calls);
  });

  it('fails as its call does', async () => {
    await expect(moved(failing('ENOSPC'))).rejects.toMatchObject({ code: 'ENOSPC' });
  });
});

describe('refused direct I/O', () => {
  const bytes = alignedBytes(KIB_64);
  const demanded = {
    code: 'refused',
    message: expect.stringContaining('refuses direct I/O.'),
    hint: 'Set direct_io: auto in section io_file.',
  };

  it('of a transfer leaves it to the cache, and all later ones', async () => {
    const file = open('auto');
    expect(file.takes(bytes, 0)).toBe(true);
    expect(await file.move(bytes, 0, failing('EINVAL'))).toBe(0);
    expect(file.takes(bytes, 0)).toBe(false);
  });

  it('of a transfer is an error if it is demanded', async () => {
    const file = open('on');
    expect(file.takes(bytes, 0)).toBe(true);
    await expect(file.move(bytes, 0, failing('EINVAL'))).rejects.toMatchObject(demanded);
  });

  it('of the file is the same', () => {
    const path = '/proc/self/status';
    const status = openSync(path, 'r');
    const of = { path, fd: status, flags: constants.O_RDONLY };
    expect(open('auto', of).takes(bytes, 0)).toBe(false);
    expect(() => open('on', of).takes(bytes, 0)).toThrow(expect.objectContaining(demanded));
    closeSync(status);
  });
});
