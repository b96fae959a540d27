import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileTarget } from '../../../src/io/file/file-target.ts';
import { type NewTargetCalls, prepareFileTarget } from '../../../src/io/file/prepare-file-target.ts';
import { syncPath } from '../../../src/native/sync-path.ts';

const SIZE_BYTES = 10_000;

let folder: string;
let path: string;
let calls: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-target-'));
  path = join(folder, 'target');
  calls = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The real calls, noted, of which one fails. */
function notingCalls(failing?: keyof NewTargetCalls): NewTargetCalls {
  const fail = (name: keyof NewTargetCalls) => {
    if (name === failing) throw new Error('EIO');
  };
  return {
    fsync: () => {
      fail('fsync');
      calls.push(`file of ${statSync(path).size} bytes`);
    },
    syncPath: (synced) => {
      fail('syncPath');
      syncPath(synced);
      calls.push(synced === folder ? 'folder' : synced);
    },
  };
}

describe('a new target', () => {
  it('has its size, then is made durable, then its name', () => {
    prepareFileTarget(
      path,
      { sizeBytes: SIZE_BYTES, force: false, discard: false, fileMode: 0o600, keeps: undefined },
      notingCalls(),
    );
    expect(calls).toEqual([`file of ${SIZE_BYTES} bytes`, 'folder']);
  });

  it('is the same where an empty file was', () => {
    writeFileSync(path, '');
    prepareFileTarget(
      path,
      { sizeBytes: SIZE_BYTES, force: true, discard: false, fileMode: 0o600, keeps: undefined },
      notingCalls(),
    );
    expect(calls).toEqual([`file of ${SIZE_BYTES} bytes`, 'folder']);
  });

  it.each(['fsync', 'syncPath'] as const)('is an error when %s fails', (call) => {
    const prepare = () =>
      prepareFileTarget(
        path,
        { sizeBytes: SIZE_BYTES, force: false, discard: false, fileMode: 0o600, keeps: undefined },
        notingCalls(call),
      );
    expect(prepare).toThrow(expect.objectContaining({ code: 'io' }));
  });
});

describe('an existing target', () => {
  it.each([false, true])('is left alone, with force: %s', (force) => {
    writeFileSync(path, Buffer.alloc(SIZE_BYTES));
    const prepare = () =>
      prepareFileTarget(path, { sizeBytes: SIZE_BYTES, force, discard: false, fileMode: 0o600, keeps: undefined }, notingCalls());
    if (force) expect(prepare().isNew).toBe(false);
    else expect(prepare).toThrow(expect.objectContaining({ code: 'targetRefused', exitCode: 1 }));
    expect(calls).toEqual([]);
  });

  it('that lacks a byte is refused', () => {
    writeFileSync(path, Buffer.alloc(SIZE_BYTES - 1));
    const prepare = () =>
      prepareFileTarget(
        path,
        { sizeBytes: SIZE_BYTES, force: true, discard: false, fileMode: 0o600, keeps: undefined },
        notingCalls(),
      );
    expect(prepare).toThrow(expect.objectContaining({ code: 'targetRefused' }));
    expect(statSync(path).size).toBe(SIZE_BYTES - 1);
  });
});

it('the flush of a target makes it durable, or fails', async () => {
  writeFileSync(path, Buffer.alloc(SIZE_BYTES));
  let syncs = 0;
  const target = new FileTarget(path, {
    sync: async () => {
      if (++syncs > 1) throw new Error('EIO');
    },
  });
  await target.write(Buffer.from('x'), 0);
  await target.flush();
  expect(syncs).toBe(1);
  await expect(target.flush()).rejects.toMatchObject({ code: 'io' });
  await target.close();
});
