import { constants } from 'node:os';
import { beforeEach, describe, expect, it } from 'vitest';
import { BackyError } from '../../../src/errors.ts';
import type { MountedFiles, OpenFile } from '../../../src/fuse/files.ts';
import { fuseOperations } from '../../../src/fuse/operations.ts';
import { silentLogger } from '../../../src/logger.ts';

const { ENOENT, EBADF, EBUSY, EINVAL, EIO, ENOSPC, ENOTDIR, EPERM } = constants.errno;
const DATE = new Date('2026-01-01T00:00:00Z');
const SIZE_BYTES = 10;

let failure: unknown;
let closed: number;
let logged: string[];
let operations: ReturnType<typeof fuseOperations>;
beforeEach(() => {
  failure = undefined;
  closed = 0;
  logged = [];
  operations = fuseOperations(files, { ...silentLogger, error: (text: string) => void logged.push(text) });
});

const openFile: OpenFile = {
  read: async (into, offset) => into.fill(7, 0, SIZE_BYTES - offset).length && SIZE_BYTES - offset,
  write: async () => {
    if (failure !== undefined) throw failure;
  },
  close: async () => {
    closed++;
  },
};

const files: MountedFiles = {
  node: async (path) => {
    if (path === '/') return { kind: 'folder', date: DATE };
    if (path === '/link') return { kind: 'link', date: DATE, target: 'data' };
    return path === '/data' ? { kind: 'file', date: DATE, sizeBytes: SIZE_BYTES, isWritable: true } : undefined;
  },
  list: async (path) => (path === '/' ? ['data', 'link'] : undefined),
  open: async () => openFile,
};

/** The arguments that an operation answers with. */
const answerOf = (call: (done: (...answer: unknown[]) => void) => void) =>
  new Promise<unknown[]>((resolve) => call((...answer) => resolve(answer)));

async function openHandle(): Promise<number> {
  const [, handle] = await answerOf((done) => operations.open('/data', 0, done));
  return Number(handle);
}

const writeTo = (handle: number) => answerOf((done) => operations.write('/data', handle, Buffer.alloc(4), 4, 0, done));

describe('attributes', () => {
  it('of a file have its length and its mode', async () => {
    const [error, stat] = await answerOf((done) => operations.getattr('/data', done));
    expect([error, stat]).toEqual([0, expect.objectContaining({ size: SIZE_BYTES, mode: 0o100600, mtime: DATE })]);
  });

  it('of a missing path are ENOENT', async () => {
    expect((await answerOf((done) => operations.getattr('/other', done)))[0]).toBe(-ENOENT);
  });
});

it('a folder is listed, a file is not', async () => {
  expect(await answerOf((done) => operations.readdir('/', done))).toEqual([0, ['data', 'link']]);
  expect((await answerOf((done) => operations.readdir('/data', done)))[0]).toBe(-ENOTDIR);
});

it('a link has a target, a file has none', async () => {
  expect(await answerOf((done) => operations.readlink('/link', done))).toEqual([0, 'data']);
  expect((await answerOf((done) => operations.readlink('/data', done)))[0]).toBe(-EINVAL);
});

it('a file keeps its length', async () => {
  expect((await answerOf((done) => operations.truncate('/data', SIZE_BYTES, done)))[0]).toBe(0);
  expect((await answerOf((done) => operations.truncate('/data', 0, done)))[0]).toBe(-EPERM);
  expect((await answerOf((done) => operations.ftruncate('/data', 1, 99, done)))[0]).toBe(-EPERM);
});

describe('an open file', () => {
  it('answers reads and writes with their lengths', async () => {
    const handle = await openHandle();
    const into = Buffer.alloc(SIZE_BYTES);
    expect(await answerOf((done) => operations.read('/data', handle, into, SIZE_BYTES, 4, done))).toEqual([6]);
    expect(await writeTo(handle)).toEqual([4]);
  });

  it('is closed once, and unknown afterwards', async () => {
    const handles = [await openHandle(), await openHandle()];
    expect([new Set(handles).size, operations.openFiles]).toEqual([2, 2]);
    const [first = 0] = handles;
    expect((await answerOf((done) => operations.release('/data', first, done)))[0]).toBe(0);
    expect((await answerOf((done) => operations.release('/data', first, done)))[0]).toBe(-EBADF);
    expect(await writeTo(first)).toEqual([-EBADF]);
    expect([closed, operations.openFiles]).toEqual([1, 1]);
  });
});

const noSpace = new BackyError('io', 'full', { cause: Object.assign(new Error('full'), { code: 'ENOSPC' }) });
const FAILURES: [string, unknown, number, number][] = [
  ['a full disk', noSpace, ENOSPC, 0],
  ['a bad block, which was logged before', new BackyError('blocksBad', 'bad'), EIO, 0],
  ['a locked version', new BackyError('locked', 'locked'), EBUSY, 1],
  ['a removed version', new BackyError('notFound', 'not found'), ENOENT, 1],
  ['anything else', new TypeError('bug'), EIO, 1],
];

it.each(FAILURES)('a failure by %s gets its errno, and is logged unless it was before', async (_, error, errno, logs) => {
  failure = error;
  expect(await writeTo(await openHandle())).toEqual([-errno]);
  expect(logged).toHaveLength(logs);
});
