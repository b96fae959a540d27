import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { newBlobUid } from '../../../src/data/blob-uid.ts';
import { FileBackend } from '../../../src/data/file/file-backend.ts';
import { tryFlock } from '../../../src/native/file-calls.ts';
import { dataBackendSuite } from '../../support/conformance/data-backend.ts';
import { objectStoreSuite } from '../../support/conformance/object-store.ts';

const signal = new AbortController().signal;

function temporary(): { path: string; dispose(): Promise<void> } {
  const path = mkdtempSync(join(tmpdir(), 'backy2-file-backend-'));
  return { path, dispose: async () => rmSync(path, { recursive: true, force: true }) };
}

async function fixture() {
  const { path, dispose } = temporary();
  return { open: () => new FileBackend({ type: 'file', path, durable: true }), dispose };
}

describe('the file backend', () => {
  describe('conformance', () => dataBackendSuite(fixture));
  describe('conformance of objects', () => objectStoreSuite(fixture));

  it('keeps objects under their names, with file_mode, and sweeps what a dead process left of them', async () => {
    const { path, dispose } = temporary();
    const backend = new FileBackend({ type: 'file', path: join(path, 'data'), durable: true, fileMode: 0o640 });
    await backend.objects.put([{ name: 'backy2-catalogue/leaves/a/b', bytes: randomBytes(10) }]);
    mkdirSync(join(path, 'data/backy2-catalogue/.tmp/dead'));
    writeFileSync(join(path, 'data/backy2-catalogue/.tmp/dead/half'), 'half');
    expect(await backend.sweepLeftovers()).toBe(1);
    await backend.close();
    const names = readdirSync(path, { recursive: true }).sort();
    expect(names).toEqual(
      ['', '/backy2-catalogue', '/leaves', '/a', '/b'].map((_, i, parts) => `data${parts.slice(0, i + 1).join('')}`),
    );
    expect(names.map((name) => (statSync(join(path, String(name))).mode & 0o777).toString(8))).toEqual([
      '750',
      '750',
      '750',
      '750',
      '640',
    ]);
    await dispose();
  });

  it('stores an object again whose folder has been removed', async () => {
    const { path, dispose } = temporary();
    const backend = new FileBackend({ type: 'file', path, durable: true });
    const object = { name: 'backy2-catalogue/lists/a/b', bytes: randomBytes(10) };
    await backend.objects.put([object]);
    rmSync(join(path, 'backy2-catalogue/lists'), { recursive: true });
    await backend.objects.put([object]);
    expect(await backend.objects.get(object.name)).toBeDefined();
    await backend.close();
    await dispose();
  });

  it('keeps a blob where the original keeps it, readable by the owner alone, and no temporary folder', async () => {
    const { path, dispose } = temporary();
    const backend = new FileBackend({ type: 'file', path, durable: true });
    const uid = newBlobUid();
    await backend.put(uid, randomBytes(10), signal);
    await backend.close();
    const file = join(path, uid.slice(0, 2), uid.slice(2, 4), `${uid}.blob`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(path)).toEqual([uid.slice(0, 2)]);
    await dispose();
  });

  it('refuses to store in a folder that is a link to nowhere', async () => {
    const { path, dispose } = temporary();
    symlinkSync(join(path, 'unmounted', 'store'), join(path, 'link'));
    const backend = new FileBackend({ type: 'file', path: join(path, 'link'), durable: true });
    await expect(backend.put(newBlobUid(), randomBytes(10), signal)).rejects.toThrow(/Cannot store blob .* ENOENT/);
    await backend.close();
    expect(readdirSync(path)).toEqual(['link']);
    await dispose();
  });

  it('makes its folder and those above it', async () => {
    const { path, dispose } = temporary();
    const backend = new FileBackend({ type: 'file', path: join(path, 'a', 'b'), durable: true });
    const uid = newBlobUid();
    await backend.put(uid, randomBytes(10), signal);
    await backend.close();
    expect(readdirSync(join(path, 'a', 'b'))).toEqual([uid.slice(0, 2)]);
    await dispose();
  });

  it('sweeps what a dead process left half written', async () => {
    const { path, dispose } = temporary();
    mkdirSync(join(path, '.tmp', 'dead'), { recursive: true });
    writeFileSync(join(path, '.tmp', 'dead', newBlobUid()), 'half');
    const backend = new FileBackend({ type: 'file', path, durable: true });
    expect(await backend.sweepLeftovers()).toBe(1);
    expect(existsSync(join(path, '.tmp'))).toBe(false);
    await dispose();
  });

  it('lists nothing but blobs in their right place', async () => {
    const { path, dispose } = temporary();
    mkdirSync(join(path, 'ab', 'cd'), { recursive: true });
    const ok = `abcd${newBlobUid().slice(4)}`;
    for (const name of [
      'notblob.txt',
      'zz.blob',
      `ab/cd/${ok}.blob`,
      `ab/cd/xyzd${ok.slice(4)}.blob`,
      'ab/cd/abcdshort.blob',
      'ab/cd/abcd.x.blob',
    ]) {
      writeFileSync(join(path, name), 'x');
    }
    const uids: string[] = [];
    for await (const uid of new FileBackend({ type: 'file', path, durable: true }).list('')) uids.push(uid);
    expect(uids).toEqual([ok]);
    await dispose();
  });

  it.each(['../../../../tmp/evil', '..', 'a/b/c/d/e', ''])('never makes a path of the uid %j', async (uid) => {
    const { path, dispose } = temporary();
    const backend = new FileBackend({ type: 'file', path, durable: true });
    await expect(backend.put(uid, randomBytes(1), signal)).rejects.toThrow(/can't be the uid/);
    await expect(backend.get({ uid, blockId: 0, plainBytes: 1 }, new Uint8Array(1), signal)).rejects.toThrow(/can't be the uid/);
    expect(await backend.probe(uid)).toEqual({ state: 'missing' });
    await dispose();
  });

  it('takes an empty folder for one that is not mounted, rather than call every blob missing', async () => {
    const { path, dispose } = temporary();
    const backend = new FileBackend({ type: 'file', path, durable: true });
    await expect(backend.probe(newBlobUid())).rejects.toThrow(/is empty, but the database names blobs/);
    await dispose();
    await expect(backend.probe(newBlobUid())).rejects.toThrow(/is empty, but the database names blobs/);
  });

  describe('and a full cleanup', () => {
    it('refuses to lock writers out while one lives, and a blob while they are locked out', async () => {
      const { path, dispose } = temporary();
      const open = () => new FileBackend({ type: 'file', path, durable: true });
      const [writer, cleanup, late] = [open(), open(), open()];
      await writer.put(newBlobUid(), randomBytes(10), signal);
      await expect(cleanup.lockOutWriters()).rejects.toMatchObject({ code: 'locked', exitCode: 100 });
      await writer.close();
      await cleanup.lockOutWriters();
      await expect(late.put(newBlobUid(), randomBytes(10), signal)).rejects.toMatchObject({ code: 'locked', exitCode: 100 });
      await cleanup.close();
      await late.put(newBlobUid(), randomBytes(10), signal);
      await late.close();
      await dispose();
    });

    it('wait for each other when one has the lock for a moment alone', async () => {
      const { path, dispose } = temporary();
      const open = () => new FileBackend({ type: 'file', path, durable: true });
      const [cleanup, writer] = [open(), open()];
      await cleanup.lockOutWriters();
      const put = writer.put(newBlobUid(), randomBytes(10), signal);
      setTimeout(() => cleanup.close(), 50);
      await put;
      await writer.close();
      await dispose();
    });

    it('sees writers of earlier releases, which lock their own temporary folder alone', async () => {
      const { path, dispose } = temporary();
      const folder = join(path, '.tmp', 'earlier');
      mkdirSync(folder, { recursive: true });
      const fd = openSync(folder, 'r');
      tryFlock(fd, 'shared');
      const cleanup = new FileBackend({ type: 'file', path, durable: true });
      await expect(cleanup.lockOutWriters()).rejects.toThrow(`Another backy2 is storing blobs in ${path}.`);
      closeSync(fd);
      await cleanup.lockOutWriters();
      await cleanup.close();
      await dispose();
    });
  });
});
