import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { continueVersion, createVersion, useBase } from '../../../../src/core/backup/open-version.ts';
import { migrateEncryption } from '../../../../src/core/migrate/migrate-encryption.ts';
import { repair } from '../../../../src/core/repair/repair.ts';
import { restore } from '../../../../src/core/restore/restore.ts';
import { scrub } from '../../../../src/core/scrub/scrub.ts';
import { exportText } from '../../../../src/core/transfer/export.ts';
import { importFrom } from '../../../../src/core/transfer/import.ts';
import { checkVersionsFree, lockVersion } from '../../../../src/core/versions/locks.ts';
import { removeVersion } from '../../../../src/core/versions/remove-version.ts';
import type { Lock, LockMode, LockService } from '../../../../src/locking/lock.ts';
import { BLOCK_SIZE, CoreLab } from '../../../support/labs/core-lab.ts';

const UID = '11111111-2222-1333-8444-555555555555';
const LOCKED = { code: 'locked', exitCode: 100 };
const GEOMETRY = { blockSize: BLOCK_SIZE, sizeBytes: BLOCK_SIZE };

let lab: CoreLab;
let ours: LockService;
let theirs: LockService;
beforeEach(async () => {
  lab = await CoreLab.create();
  ours = lab.context.locks;
  theirs = lab.otherLocks();
  await lab.newVersion(UID, BLOCK_SIZE);
});
afterEach(() => lab.dispose());

/** Runs `body` while another instance holds the version. */
async function whileHeld(mode: LockMode, body: () => Promise<unknown>): Promise<void> {
  const lock = await lockVersion(theirs, UID, mode);
  try {
    await body();
  } finally {
    await lock.release();
  }
}

async function textOf(stream: AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const piece of stream) text += piece;
  return text;
}

describe('the lock of a version', () => {
  it.each([
    { held: 'exclusive', asked: 'exclusive', given: false },
    { held: 'exclusive', asked: 'shared', given: false },
    { held: 'shared', asked: 'exclusive', given: false },
    { held: 'shared', asked: 'shared', given: true },
  ] as const)('held $held and asked for $asked: given $given', async ({ held, asked, given }) => {
    await whileHeld(held, async () => {
      const asking = lockVersion(ours, UID, asked);
      if (!given) await expect(asking).rejects.toMatchObject(LOCKED);
      else await (await asking).release();
    });
  });

  it('refuses reports of versions that are being created or removed', async () => {
    await whileHeld('exclusive', () => expect(checkVersionsFree(ours, ['other', UID])).rejects.toMatchObject(LOCKED));
    await whileHeld('shared', () => checkVersionsFree(ours, [UID]));
  });

  const request = { source: 'file:///nowhere', name: 'vm' };
  const readers: [string, () => Promise<unknown>][] = [
    [
      'restore',
      () => restore(lab.context, { uid: UID, target: 'null://1', sparse: false, force: false, discard: false, fromId: 0 }),
    ],
    ['scrub', () => scrub(lab.context, { uid: UID, percent: 100, source: undefined })],
    ['repair', () => repair(lab.context, { uid: UID, source: 'file:///nowhere' })],
    ['migration', () => migrateEncryption(lab.context, { uid: UID })],
    ['export', () => textOf(exportText(lab.context, UID))],
    ['backup on it as the base', () => useBase(lab.context, UID, [])],
  ];
  it.each(readers)('is taken by a %s', async (_, read) => {
    await whileHeld('exclusive', () => expect(read()).rejects.toMatchObject(LOCKED));
  });

  const start = { request, geometry: GEOMETRY, locks: [] };
  const writers: [string, () => Promise<unknown>][] = [
    ['rm', () => removeVersion(lab.context, UID, true)],
    ['backup that goes on', () => continueVersion(lab.context, { ...start, uid: UID, checkSource: async () => {} })],
  ];
  it.each(writers)('is taken exclusively by a %s', async (_, write) => {
    await whileHeld('shared', () => expect(write()).rejects.toMatchObject(LOCKED));
    await whileHeld('exclusive', () => expect(write()).rejects.toMatchObject(LOCKED));
    expect(await lab.meta.findVersion(UID)).toBeDefined();
  });

  it('is taken exclusively by an import, before its version exists', async () => {
    const text = await textOf(exportText(lab.context, UID));
    await lab.meta.removeVersion(UID, () => {});
    const file = lab.source(Buffer.from(text), 'export').slice('file://'.length);
    await whileHeld('shared', () => expect(importFrom(lab.context, file, process.stdin)).rejects.toMatchObject(LOCKED));
  });

  it('is held by a new backup as soon as its version exists', async () => {
    const locks: Lock[] = [];
    const { uid } = await createVersion(lab.context, { request, geometry: GEOMETRY, locks });
    await expect(lockVersion(theirs, uid, 'shared')).rejects.toMatchObject(LOCKED);
    for (const lock of locks) await lock.release();
    await (await lockVersion(theirs, uid, 'exclusive')).release();
  });
});

describe('the automatic tags of an invalid version', () => {
  /** The tags of a backup that starts now. */
  async function tagsOfNext(): Promise<string[]> {
    const locks: Lock[] = [];
    const request = { source: 'file:///nowhere', name: 'vm' };
    const { tags } = await createVersion(lab.context, { request, geometry: GEOMETRY, locks });
    for (const lock of locks) await lock.release();
    return tags;
  }

  it('count while it is backed up, and no longer once that was aborted', async () => {
    await lab.meta.addTags(UID, ['b_daily', 'b_weekly']);
    await whileHeld('exclusive', async () => expect(await tagsOfNext()).toEqual(['b_monthly']));
    expect(await tagsOfNext()).toEqual(['b_daily', 'b_weekly', 'b_monthly']);
  });
});
