import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { blobPath } from '../../../src/data/file/blob-paths.ts';
import { type DurableCalls, durableCalls } from '../../../src/data/file/durable-calls.ts';
import { FileBackend } from '../../../src/data/file/file-backend.ts';
import { HandleFiles } from '../../../src/data/file/handle-files.ts';

const signal = new AbortController().signal;
/** Two blobs of one folder, and one of another. */
const A = `abcd000000${'A'.repeat(22)}`;
const B = `abcd000000${'B'.repeat(22)}`;
const C = `abef000000${'C'.repeat(22)}`;

let folder: string;
/** The calls, in order, with the path below the folder. */
let calls: string[];
/** Fails the calls that match, until it is undefined. */
let failing: RegExp | undefined;
let backend: FileBackend;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-durable-'));
  calls = [];
  failing = undefined;
  backend = newBackend();
});
afterEach(async () => {
  await backend.close();
  rmSync(folder, { recursive: true, force: true });
});

function newBackend(): FileBackend {
  const files = new HandleFiles({ isDurable: true, fileMode: 0o600 }, recordingCalls());
  return new FileBackend({ type: 'file', path: folder, durable: true }, files);
}

/** The real calls, which are noted when they end, and can be made to fail. */
function recordingCalls(): DurableCalls {
  const record = async <T>(call: string, real: () => Promise<T>): Promise<T> => {
    if (failing?.test(call) === true) throw Object.assign(new Error(`EIO: ${call}`), { code: 'EIO' });
    const result = await real();
    calls.push(call);
    return result;
  };
  const nameOf = (path: string) => relative(folder, path).replace(/^\.tmp\/[^/]+\//, '.tmp/') || '.';
  return {
    open: async (path, flags, mode) => {
      const handle = await durableCalls.open(path, flags, mode);
      const sync = handle.sync.bind(handle);
      handle.sync = () => record(`sync ${nameOf(path)}${flags === 'wx' ? ` of ${statSync(path).size} bytes` : ''}`, sync);
      return handle;
    },
    rename: (from, to) => record(`rename ${nameOf(from)}`, () => durableCalls.rename(from, to)),
  };
}

const put = (uid: string) => backend.put(uid, Buffer.from('bytes'), signal);
const synced = () => calls.filter((call) => call.startsWith('sync')).map((call) => call.slice('sync '.length));

describe('a put', () => {
  it('writes, makes the file durable, and gives it its name then', async () => {
    await put(A);
    expect(calls).toEqual([`sync .tmp/${A} of 5 bytes`, `rename .tmp/${A}`]);
    expect(readFileSync(blobPath(folder, A), 'utf8')).toBe('bytes');
  });

  it.each([/^sync/, /^rename/])('that fails in %s leaves nothing under the name, and fails', async (call) => {
    failing = call;
    await expect(put(A)).rejects.toMatchObject({ code: 'dataBackend', exitCode: 6 });
    expect(await backend.probe(A).catch(() => 'nothing')).toBe('nothing');
    failing = undefined;
    await put(A);
    expect(readFileSync(blobPath(folder, A), 'utf8')).toBe('bytes');
  });
});

describe('a flush', () => {
  it('makes the folder of each new blob durable, with its parents up to the root', async () => {
    await put(A);
    await put(C);
    calls = [];
    await backend.flush();
    expect(synced().sort()).toEqual(['.', 'ab', 'ab/cd', 'ab/ef']);
  });

  it('makes a folder durable again when it got another blob, not its parents', async () => {
    await put(A);
    await backend.flush();
    calls = [];
    await put(B);
    await backend.flush();
    expect(synced()).toEqual([`.tmp/${B} of 5 bytes`, 'ab/cd']);
    calls = [];
    await backend.flush();
    expect(synced()).toEqual([]);
  });

  it('trusts nobody else to have made the parents durable', async () => {
    await put(A);
    const other = newBackend();
    await other.put(B, Buffer.from('bytes'), signal);
    calls = [];
    await other.flush();
    expect(synced().sort()).toEqual(['.', 'ab', 'ab/cd']);
    await other.close();
  });

  it('has one folder open at a time: groups can have thousands', async () => {
    const open = new Set<string>();
    const most: number[] = [];
    const opened: DurableCalls['open'] = async (path, flags) => {
      const handle = await durableCalls.open(path, flags);
      open.add(path);
      most.push(open.size);
      const sync = handle.sync.bind(handle);
      handle.sync = () => sync().finally(() => open.delete(path));
      return handle;
    };
    await put(A);
    const folders = ['.', 'ab', 'ab/cd'].map((name) => join(folder, name));
    await new HandleFiles({ isDurable: true, fileMode: 0o600 }, { ...durableCalls, open: opened }).syncFolders(folders);
    expect(most).toEqual([1, 1, 1]);
  });

  it.each(['sync ab/cd', 'sync ab', 'sync .'])('that fails in "%s" fails, and so does every later one', async (call) => {
    await put(A);
    failing = new RegExp(`^${call}$`);
    await expect(backend.flush()).rejects.toThrow('EIO');
    // The kernel tells of a failed write once: from here on, all fsyncs succeed.
    failing = undefined;
    await expect(backend.flush()).rejects.toThrow('EIO');
    await put(B);
    await expect(backend.flush()).rejects.toThrow('EIO');
  });

  it('waits for one that is under way with folders of its own', async () => {
    await put(A);
    calls = [];
    const first = backend.flush();
    await backend.flush();
    expect(synced()).toHaveLength(3);
    await first;
  });
});

it('a delete makes the folder durable, or fails', async () => {
  await put(A);
  await put(C);
  await backend.flush();
  calls = [];
  expect(await backend.delete([A])).toEqual({ deleted: [A], failed: [] });
  expect(synced()).toEqual(['ab/cd']);
  failing = /^sync/;
  await expect(backend.delete([C])).rejects.toThrow('EIO');
});

describe('a put of objects', () => {
  const NAME = 'backy2-catalogue/versions/a';
  const putObject = () => backend.objects.put([{ name: NAME, bytes: Buffer.from('object') }]);
  /** The name of a temporary file is random. */
  const order = () => calls.map((call) => call.replace(/backy2-catalogue\/\.tmp\/\S+/, 'TEMPORARY'));

  it('makes each file durable before it gets its name, and then the folders', async () => {
    await putObject();
    const folders = ['backy2-catalogue/versions', 'backy2-catalogue', '.'].map((path) => `sync ${path}`);
    expect(order()).toEqual(['sync TEMPORARY of 6 bytes', 'rename TEMPORARY', ...folders]);
    calls = [];
    await putObject();
    expect(order()).toEqual(['sync TEMPORARY of 6 bytes', 'rename TEMPORARY', 'sync backy2-catalogue/versions']);
  });

  it.each([/^sync.*tmp/, /^rename/])('that fails in %s leaves nothing under the name, and fails', async (call) => {
    failing = call;
    await expect(putObject()).rejects.toMatchObject({ code: 'dataBackend', exitCode: 6 });
    failing = undefined;
    expect(await backend.objects.get(NAME)).toBeUndefined();
    await putObject();
    expect(Buffer.from((await backend.objects.get(NAME)) ?? []).toString()).toBe('object');
  });

  it('fails if its folder can not be made durable, as does a delete', async () => {
    await putObject();
    failing = /^sync backy2-catalogue\/versions$/;
    await expect(backend.objects.delete([NAME])).rejects.toThrow('EIO');
  });
});
