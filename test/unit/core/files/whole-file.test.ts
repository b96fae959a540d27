import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FilePlace, outputPlace } from '../../../../src/core/files/output-place.ts';
import { writeToStream } from '../../../../src/core/files/stream-file.ts';
import { writeWholeFile } from '../../../../src/core/files/whole-file.ts';
import { BackyError } from '../../../../src/errors.ts';

let folder: string;
let fileName: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-whole-file-'));
  fileName = join(folder, 'export');
});
afterEach(() => rmSync(folder, { recursive: true }));

function filePlace(path = fileName): FilePlace {
  const place = outputPlace(path);
  if (place.kind !== 'file') throw new Error(`${path} is no file`);
  return place;
}

function writeNew(path = fileName, mode = 0o600): Promise<void> {
  const write = async (temporary: string) => writeFileSync(temporary, 'new');
  return writeWholeFile({ place: filePlace(path), mode, verb: 'write', write });
}

const modeOf = (path: string) => statSync(path).mode & 0o7777;

it('replaces the file when it is complete, and not before', async () => {
  writeFileSync(fileName, 'old');
  const result = await writeWholeFile({
    place: filePlace(),
    mode: 0o600,
    verb: 'write',
    write: async (temporary) => {
      writeFileSync(temporary, 'new');
      return readFileSync(fileName, 'utf8');
    },
  });
  expect([result, readFileSync(fileName, 'utf8'), readdirSync(folder)]).toEqual(['old', 'new', ['export']]);
});

it('leaves neither the temporary file nor its side files after a failure', async () => {
  const writing = writeWholeFile({
    place: filePlace(),
    mode: 0o600,
    verb: 'export to',
    sideFiles: ['-wal'],
    write: async (temporary) => {
      writeFileSync(temporary, 'half');
      writeFileSync(`${temporary}-wal`, 'side');
      throw new Error('no space');
    },
  });
  await expect(writing).rejects.toMatchObject({ code: 'io', message: `Cannot export to ${fileName}: no space` });
  expect(readdirSync(folder)).toEqual([]);
});

it('passes on errors that say what to do', async () => {
  const error = new BackyError('notFound', 'Version not found.');
  await expect(
    writeWholeFile({ place: filePlace(), mode: 0o600, verb: 'write', write: () => Promise.reject(error) }),
  ).rejects.toBe(error);
  expect(existsSync(fileName)).toBe(false);
});

describe('the rights of a file', () => {
  it.each([0o600, 0o640, 0o660])('are the mode %o if it is new, whatever the umask', async (mode) => {
    await writeNew(fileName, mode);
    expect(modeOf(fileName)).toBe(mode);
  });

  it.each([0o600, 0o644, 0o664, 0o400])('stay %o if it existed, and so does its owner', async (mode) => {
    writeFileSync(fileName, 'old');
    if (process.getuid?.() === 0) chownSync(fileName, 1234, 5678);
    chmodSync(fileName, mode);
    const { uid, gid } = statSync(fileName);
    await writeNew();
    expect(statSync(fileName)).toMatchObject({ uid, gid });
    expect([modeOf(fileName), readFileSync(fileName, 'utf8')]).toEqual([mode, 'new']);
  });

  it('are the owner’s alone while it is written', async () => {
    const write = async (temporary: string) => modeOf(temporary);
    expect(await writeWholeFile({ place: filePlace(), mode: 0o664, verb: 'write', write })).toBe(0o600);
  });

  it('do not come from a leftover of a dead process', async () => {
    writeFileSync(`${fileName}.${process.pid}.part`, 'a longer leftover', { mode: 0o666 });
    await writeNew();
    expect([modeOf(fileName), readFileSync(fileName, 'utf8')]).toEqual([0o600, 'new']);
  });
});

describe('a symlink', () => {
  it.each(['existing', 'new'])('stays, and its %s file is written', async (kind) => {
    mkdirSync(join(folder, 'elsewhere'));
    if (kind === 'existing') writeFileSync(join(folder, 'elsewhere/file'), 'old', { mode: 0o640 });
    symlinkSync('elsewhere/file', join(folder, 'link'));
    symlinkSync('link', fileName);
    await writeNew();
    expect([readlinkSync(fileName), readlinkSync(join(folder, 'link'))]).toEqual(['link', 'elsewhere/file']);
    expect(readFileSync(join(folder, 'elsewhere/file'), 'utf8')).toBe('new');
    expect(readdirSync(join(folder, 'elsewhere'))).toEqual(['file']);
  });

  it('that leads to itself is an error', async () => {
    symlinkSync('export', fileName);
    expect(() => outputPlace(fileName)).toThrow(expect.objectContaining({ code: 'targetRefused' }));
  });
});

describe('what is no file', () => {
  const { signal } = new AbortController();
  async function* text() {
    yield 'some ';
    yield 'text';
  }

  it('gets the bytes and stays: a device, also behind a symlink', async () => {
    symlinkSync('/dev/null', fileName);
    const place = outputPlace(fileName);
    expect(place).toMatchObject({ kind: 'stream', isPipe: false, isBlockDevice: false });
    if (place.kind === 'stream') await writeToStream(text(), { place, verb: 'export to', signal });
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
    expect(readlinkSync(fileName)).toBe('/dev/null');
  });

  it('is an error if it takes no bytes', async () => {
    const place = { kind: 'stream', path: '/dev/full', isPipe: false, isBlockDevice: false } as const;
    const writing = writeToStream(text(), { place, verb: 'export to', signal });
    await expect(writing).rejects.toThrow('Cannot export to /dev/full: ENOSPC');
  });

  it('is refused if it is a folder', () => {
    expect(() => outputPlace(folder)).toThrow(expect.objectContaining({ code: 'targetRefused' }));
  });
});
