import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { backup } from '../../../../src/core/backup/backup.ts';
import { scrub } from '../../../../src/core/scrub/scrub.ts';
import { checkStorageThoroughly } from '../../../../src/core/upkeep/check-storage.ts';
import { cleanupFast, cleanupFull } from '../../../../src/core/upkeep/cleanup.ts';
import { unnamedBlobs } from '../../../../src/core/upkeep/unnamed-blobs.ts';
import { holdingInstallation, lockForOperation } from '../../../../src/core/versions/locks.ts';
import { newBlobUid } from '../../../../src/data/blob-uid.ts';
import { blobPath } from '../../../../src/data/file/blob-paths.ts';
import { FileBackend } from '../../../../src/data/file/file-backend.ts';
import { LOCK_NAMES } from '../../../../src/locking/lock.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { NoRoomError } from '../../../../src/meta/no-room.ts';
import type { BackupRow } from '../../../../src/model/block.ts';
import { clockTime } from '../../../../src/model/dates.ts';
import { noise } from '../../../support/images/random.ts';
import { BLOCK_SIZE, CoreLab } from '../../../support/labs/core-lab.ts';
import { FakeS3 } from '../../../support/servers/fake-s3.ts';

const FAST = { dangerousForce: false, prefix: '' };
const FULL = { prefix: '', yesDelete: 1 };

let lab: CoreLab;
let uid: string;
beforeEach(async () => {
  lab = await CoreLab.create();
  uid = await newBlob();
});
afterEach(() => lab.dispose());

async function newBlob(): Promise<string> {
  const backend = new FileBackend({ type: 'file', path: lab.dataPath, durable: true });
  const blob = newBlobUid();
  await backend.put(blob, Buffer.alloc(BLOCK_SIZE, blob), new AbortController().signal);
  await backend.close();
  return blob;
}

const row = (found: boolean): BackupRow => ({
  ...{ id: 0, uid, checksum: 'aa', size: BLOCK_SIZE, encVersion: 0, envKey: null, nonce: null, found },
});
const isThere = () => existsSync(blobPath(lab.dataPath, uid));

/** Makes the blob a candidate of now. */
async function removeItsVersion(): Promise<void> {
  await lab.wholeVersion('v1', [row(false)]);
  await lab.meta.removeVersion('v1', () => {});
}

function passSeconds(seconds: number): void {
  lab.now = new Date(lab.now.getTime() + seconds * 1000);
}

describe('a candidate', () => {
  it.each([
    { age: 0, deleted: 0 },
    { age: 3599, deleted: 0 },
    { age: 3600, deleted: 1 },
    { age: 3601, deleted: 1 },
  ])('of $age seconds: $deleted blobs are deleted', async ({ age, deleted }) => {
    await removeItsVersion();
    passSeconds(age);
    expect((await cleanupFast(lab.context, FAST)).blobsDeleted).toBe(deleted);
    expect(isThere()).toBe(deleted === 0);
  });

  it('that is younger waits, and the result and the log say until when', async () => {
    await removeItsVersion();
    passSeconds(600);
    const lines: string[] = [];
    const context = { ...lab.context, logger: { ...silentLogger, info: (line: string) => void lines.push(line) } };
    const waitingUntil = new Date(lab.now.getTime() + 3000_000);
    expect(await cleanupFast(context, FAST)).toMatchObject({ blobsDeleted: 0, blobsWaiting: 1, waitingUntil });
    expect(lines.at(-1)).toBe(`1 blob waits until ${clockTime(waitingUntil)} (removed less than an hour ago).`);
    passSeconds(3000);
    expect(await cleanupFast(context, FAST)).toMatchObject({ blobsDeleted: 1, blobsWaiting: 0, waitingUntil: null });
    expect(lines.at(-1)).toBe('Deleted 1 blocks.');
  });

  it('waits for keep_removed, and the log says until which day', async () => {
    await removeItsVersion();
    passSeconds(6 * 86_400);
    const lines: string[] = [];
    const logger = { ...silentLogger, info: (line: string) => void lines.push(line) };
    const context = { ...lab.context, logger, settings: { ...lab.context.settings, keepRemovedSeconds: 7 * 86_400 } };
    expect(await cleanupFast(context, FAST)).toMatchObject({ blobsDeleted: 0, blobsWaiting: 1 });
    expect(lines.at(-1)).toBe('1 blob waits until 2026-11-30 04:42:24 UTC (removed less than 7d ago).');
    passSeconds(86_400);
    expect((await cleanupFast(context, FAST)).blobsDeleted).toBe(1);
  });

  it('of any age is deleted with force', async () => {
    await removeItsVersion();
    expect((await cleanupFast(lab.context, { ...FAST, dangerousForce: true })).blobsDeleted).toBe(1);
  });

  it('stays when a version names it again, and is no longer a candidate', async () => {
    await lab.wholeVersion('v1', [row(false)]);
    await lab.wholeVersion('v2', [row(true)]);
    await lab.meta.removeVersion('v1', () => {});
    passSeconds(4000);
    expect((await cleanupFast(lab.context, FAST)).blobsDeleted).toBe(0);
    expect(isThere()).toBe(true);
    expect(await lab.meta.dropUsedCandidates(0)).toBe(0);
  });
});

describe('the deletion of a blob', () => {
  it('comes after its doomed mark in the database, which is removed after the deletion', async () => {
    await removeItsVersion();
    passSeconds(4000);
    const seen: unknown[] = [];
    const look = async (when: string) => seen.push([when, isThere(), await lab.meta.leftDoomed(10)]);
    const meta = new Proxy(lab.meta, {
      get: (store, name) => {
        if (name !== 'doomCandidates' && name !== 'forgetDoomed') {
          const value: unknown = Reflect.get(store, name);
          return typeof value === 'function' ? value.bind(store) : value;
        }
        return async (...args: never[]) => {
          await look(`before ${name}`);
          const outcome: unknown = await Reflect.apply(store[name], store, args);
          await look(`after ${name}`);
          return outcome;
        };
      },
    });
    await cleanupFast({ ...lab.context, meta }, FAST);
    expect(seen.slice(0, 4)).toEqual([
      ['before doomCandidates', true, []],
      ['after doomCandidates', true, [uid]],
      ['before forgetDoomed', false, [uid]],
      ['after forgetDoomed', false, []],
    ]);
  });

  it('is completed by the next cleanup after a crash in between', async () => {
    await removeItsVersion();
    passSeconds(4000);
    expect(await lab.meta.doomCandidates(0, 10, '')).toEqual([uid]);
    expect((await cleanupFast(lab.context, FAST)).blobsDeleted).toBe(1);
    expect(isThere()).toBe(false);
  });

  it('does not happen once the locks are lost', async () => {
    await removeItsVersion();
    passSeconds(4000);
    const { locks } = lab.context;
    const lost = {
      tryAcquire: locks.tryAcquire.bind(locks),
      isHeld: locks.isHeld.bind(locks),
      holders: locks.holders.bind(locks),
      close: async () => {},
      confirm: async () => {
        throw new Error('the session is gone');
      },
    };
    await expect(cleanupFast({ ...lab.context, locks: lost }, FAST)).rejects.toThrow('the session is gone');
    await expect(cleanupFull({ ...lab.context, locks: lost }, FULL)).rejects.toThrow('the session is gone');
    expect(isThere()).toBe(true);
  });
});

describe('another running command', () => {
  it('refuses a full cleanup, even if it is another program on this host', async () => {
    const other = await lockForOperation(lab.otherLocks());
    await expect(cleanupFull(lab.context, FULL)).rejects.toMatchObject({ code: 'locked', exitCode: 100 });
    await other.release();
    const original = { ...lab.context, otherInstances: () => ['backy2 backup'] };
    await expect(cleanupFull(original, FULL)).rejects.toMatchObject({ code: 'locked' });
    expect(isThere()).toBe(true);
    expect((await cleanupFull(lab.context, FULL)).blobsDeleted).toBe(1);
  });

  it('refuses a second fast cleanup, but not one during a backup', async () => {
    const backup = await lockForOperation(lab.otherLocks());
    const cleanup = await lab.otherLocks().tryAcquire(LOCK_NAMES.fastCleanup, 'exclusive');
    await expect(cleanupFast(lab.context, FAST)).rejects.toMatchObject({ code: 'locked' });
    await cleanup?.release();
    await cleanupFast(lab.context, FAST);
    await backup.release();
    await holdingInstallation(lab.otherLocks(), () =>
      expect(cleanupFast(lab.context, FAST)).rejects.toMatchObject({ code: 'locked' }),
    );
  });
});

it('a full cleanup deletes blobs that no row names, and nothing else', async () => {
  const orphan = uid;
  uid = await newBlob();
  await lab.wholeVersion('v1', [row(false)]);
  expect((await cleanupFull(lab.context, FULL)).blobsDeleted).toBe(1);
  expect(isThere()).toBe(true);
  expect(existsSync(blobPath(lab.dataPath, orphan))).toBe(false);
});

it('a full cleanup is counted before it deletes, unless it is refused', async () => {
  const writer = new FileBackend({ type: 'file', path: lab.dataPath, durable: true });
  await writer.put(newBlobUid(), Buffer.alloc(1), new AbortController().signal);
  await expect(cleanupFull(lab.context, FULL)).rejects.toMatchObject({ code: 'locked', exitCode: 100 });
  expect(await lab.meta.fullCleanups()).toBe(0);
  expect(isThere()).toBe(true);
  await writer.close();
  await cleanupFull(lab.context, { ...FULL, yesDelete: 2 });
  expect(await lab.meta.fullCleanups()).toBe(1);
  expect(isThere()).toBe(false);
});

it('a full cleanup with a database that names no blob deletes nothing without permission', async () => {
  await expect(cleanupFull(lab.context, { prefix: '' })).rejects.toMatchObject({ code: 'refused', exitCode: 100 });
  await expect(cleanupFull(lab.context, { prefix: '', yesDelete: 0 })).rejects.toMatchObject({ code: 'refused' });
  expect(isThere()).toBe(true);
  expect((await cleanupFull(lab.context, FULL)).blobsDeleted).toBe(1);
});

it('a full cleanup that can keep few uids lists again, and deletes them too', async () => {
  await lab.wholeVersion('v1', [row(false)]);
  for (let i = 0; i < 2_500; i++) mkdirSync(dirname(blobPath(lab.dataPath, orphanUid(i))), { recursive: true });
  for (let i = 0; i < 2_500; i++) writeFileSync(blobPath(lab.dataPath, orphanUid(i)), 'orphan');
  const backend = new FileBackend({ type: 'file', path: lab.dataPath, durable: true });
  const seen: string[] = [];
  for await (const uids of unnamedBlobs(lab.context, backend, { prefix: '', yesDelete: 2_500 }, 1_000)) {
    seen.push(...uids);
    await backend.delete(uids);
  }
  await backend.close();
  expect(new Set(seen).size).toBe(2_500);
  expect(isThere()).toBe(true);
});

function orphanUid(i: number): string {
  return `f0${i.toString(16).padStart(8, '0')}`.padEnd(32, 'z');
}

describe('a bucket with versioning', () => {
  let server: FakeS3;
  let warnings: string[];
  beforeEach(async () => {
    server = await FakeS3.start();
    server.objects.set(uid, Buffer.alloc(BLOCK_SIZE));
    server.rule = ({ query }) => {
      if (query.has('versioning'))
        return { status: 200, body: '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>' };
      return query.has('lifecycle')
        ? { status: 404, body: '<Error><Code>NoSuchLifecycleConfiguration</Code></Error>' }
        : undefined;
    };
    warnings = [];
    lab.context.data = { ...lab.data, backend: server.options() };
    lab.context.logger = { ...silentLogger, warning: (text) => warnings.push(text) };
  });
  afterEach(() => server.stop());

  it('keeps what is deleted: a cleanup that deletes says so once', async () => {
    await removeItsVersion();
    expect((await cleanupFast(lab.context, FAST)).blobsDeleted).toBe(0);
    expect(warnings).toEqual([]);
    passSeconds(4000);
    expect((await cleanupFast(lab.context, FAST)).blobsDeleted).toBe(1);
    expect(warnings).toEqual([expect.stringMatching(/has versioning \(Enabled\): deleted blobs stay.*still take space/)]);
  });

  it('is named by a check of the storage', async () => {
    const steps = await checkStorageThoroughly(lab.context);
    expect(steps.filter(({ problem }) => problem !== null)).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining('has versioning')]);
  });
});

describe('on a full disk, with the compact layout', () => {
  let full: CoreLab;
  beforeEach(async () => {
    full = await CoreLab.create('compact');
  });
  afterEach(() => full.dispose());

  const context = () => ({ ...full.context, settings: { ...full.context.settings, workers: undefined } });
  const image = noise(4 * BLOCK_SIZE, 'image');
  const blobs = () =>
    existsSync(full.dataPath)
      ? readdirSync(full.dataPath, { recursive: true }).filter((name) => String(name).endsWith('.blob'))
      : [];
  const FORCED = { dangerousForce: true, prefix: '' };

  /** A version that was removed: its blobs are candidates. */
  async function removed(): Promise<void> {
    const { uid: version } = await backup(context(), { source: full.source(image, 'image'), name: 'vm' });
    await full.meta.removeVersion(version, () => {});
  }

  /** Fails as a full disk does, until a blob was deleted. */
  function withoutRoom() {
    const reason = { reason: 'its disk is full', hint: '', cause: undefined };
    const search = full.meta.dropUsedCandidates;
    return vi.spyOn(full.meta, 'dropUsedCandidates').mockImplementation(async (...args) => {
      if (blobs().length === 4) throw new NoRoomError('The database', reason);
      return search(...args);
    });
  }

  it('a cleanup makes room with blobs that no search has marked', async () => {
    await removed();
    withoutRoom();
    expect(await cleanupFast(context(), FORCED)).toMatchObject({ blobsDeleted: 4, errors: [] });
    expect(blobs()).toEqual([]);
  });

  it('a cleanup deletes nothing while another operation runs, and says why', async () => {
    await removed();
    withoutRoom();
    const warnings: string[] = [];
    const other = full.otherLocks();
    const lock = await lockForOperation(other);
    const logger = { ...silentLogger, warning: (text: string) => void warnings.push(text) };
    await expect(cleanupFast({ ...context(), logger }, FORCED)).rejects.toBeInstanceOf(NoRoomError);
    expect(blobs()).toHaveLength(4);
    expect(warnings).toEqual([expect.stringContaining('No blob is deleted while others work')]);
    await lock.release();
  });

  it('a backup stores again what a cleanup has deleted before it was killed', async () => {
    await removed();
    await full.meta.withUnusedCandidates({ minAgeSeconds: 0, limit: 9, prefix: '', isAlone: true }, async (uids) => {
      const backend = new FileBackend({ type: 'file', path: full.dataPath, durable: true });
      await backend.delete(uids);
      await backend.close();
    });
    expect(blobs()).toEqual([]);
    const { uid: version } = await backup(context(), { source: full.source(image, 'image'), name: 'vm' });
    expect(blobs()).toHaveLength(4);
    expect(await scrub(context(), { uid: version, percent: 100 })).toMatchObject({ valid: true, errors: [] });
    await cleanupFast(context(), FORCED);
    expect(await scrub(context(), { uid: version, percent: 100 })).toMatchObject({ valid: true, errors: [] });
  });
});
