import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/logger.ts';
import type { MetaStore } from '../../../src/meta/meta-store.ts';
import { sqliteStore } from '../../../src/meta/sqlite/sqlite-store.ts';
import { NO_COUNTS } from '../../../src/model/counters.ts';
import type { Layout } from '../../../src/model/layout.ts';
import { metaCatalogueSuite } from '../../support/conformance/meta-catalogue.ts';
import { NOW, row } from '../../support/conformance/meta-lab.ts';
import { sumOf, uidOf } from '../../support/conformance/numbered-blobs.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-catalogue-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

let made = 0;
const newPath = () => join(folder, `${++made}.sqlite`);
const storeAt = (path: string, now = () => NOW) =>
  sqliteStore({ path, cacheMb: 16, createIfMissing: false, logger: silentLogger, now });

describe.each(['classic', 'compact'] as const)('SQLite in the %s layout', (layout) => {
  const create = async () => {
    const path = newPath();
    return { layout, store: () => storeAt(path), setNow: () => {}, ageCandidates: async () => {}, dispose: async () => {} };
  };
  metaCatalogueSuite(create, { histories: Number(process.env.TWIN_RUNS ?? 3), seconds: () => NOW.getTime() / 1000 });

  describe('a change whose mark fails', () => {
    it.each(Object.keys(CHANGES))('changes nothing: %s', async (name) => {
      const path = newPath();
      const meta = await filled(path, layout);
      const before = await contentOf(meta);
      const database = new Database(path);
      for (const [table, event] of [
        ['backy2_catalogue', 'UPDATE'],
        ['backy2_catalogue', 'INSERT'],
        ['backy2_catalogue_blobs', 'INSERT'],
      ])
        database.exec(
          `CREATE TRIGGER stop_${event}_${table} BEFORE ${event} ON ${table} BEGIN SELECT RAISE(ABORT, 'stopped'); END`,
        );
      await expect(CHANGES[name]?.(meta)).rejects.toThrow('stopped');
      expect(await contentOf(meta)).toEqual(before);
      database.close();
      await meta.close();
    });
  });

  it('a database that lacks the tables, and can not be written, has nothing tracked', async () => {
    const path = newPath();
    await (await filled(path, layout)).close();
    const database = new Database(path);
    for (const table of ['backy2_catalogue', 'backy2_catalogue_leaves', 'backy2_catalogue_blobs'])
      database.exec(`DROP TABLE ${table}`);
    const meta = storeAt(path);
    await meta.open();
    expect(await meta.versionsWithoutManifest()).toEqual(['v1', 'v2']);
    expect(await meta.staleVersions()).toEqual([]);
    expect(await meta.catalogueChanges('v1')).toBeUndefined();
    expect([...(await meta.writtenManifests()), ...(await meta.removedManifests())]).toEqual([]);
    const isThere = database.prepare("SELECT 1 FROM sqlite_master WHERE name LIKE 'backy2_catalogue%'");
    expect(isThere.get()).toBeUndefined();
    await meta.trackVersions(['v1']);
    expect(isThere.get()).toBeDefined();
    expect((await meta.catalogueChanges('v1'))?.leaves).toBe('all');
    database.close();
    await meta.close();
  });
});

const GEOMETRY = { blockSize: 100, sizeBytes: 400 };
const good = { uid: uidOf(99), checksum: sumOf(2), size: 100, encVersion: 0, envKey: null, nonce: null };

/** Changes of tracked version v1, and of others that share its blobs. */
const CHANGES: Record<string, (meta: MetaStore) => Promise<unknown>> = {
  protect: (meta) => meta.setProtected('v1', true),
  expire: (meta) => meta.setExpire('v1', NOW),
  'add a tag': (meta) => meta.addTags('v1', ['new']),
  'remove a tag': (meta) => meta.removeTags('v1', ['tag']),
  invalidate: (meta) => meta.setVersionInvalid('v2'),
  'make valid': (meta) => meta.setVersionValid('v1'),
  mark: (meta) => meta.markBlobsInvalid([{ uid: uidOf(1), checksum: sumOf(1) }]),
  heal: (meta) => meta.heal([good]),
  'heal in a group': (meta) =>
    meta.commitGroup(
      'v3',
      { rows: [{ ...good, id: 2, found: false }], sparse: [], heals: true, counters: () => NO_COUNTS },
      GEOMETRY,
    ),
  discard: (meta) => meta.discardBadBlocks('v1', GEOMETRY),
  remove: (meta) => meta.removeVersion('v2', () => {}),
};

/** Two whole versions of the same blobs, one of them bad, and an unfinished one; all tracked. */
async function filled(path: string, layout: Layout): Promise<MetaStore> {
  const meta = storeAt(path);
  await meta.initialize(layout);
  await meta.open();
  for (const uid of ['v1', 'v2', 'v3']) {
    await meta.createVersion({ uid, name: 'vm', snapshotName: '', size: 4, sizeBytes: 400, expire: null, tags: ['tag'] });
    const rows = [1, 2, 3, 4].map((blob, id) => ({ ...row(id, blob, uid !== 'v1'), size: 100 }));
    const some = uid === 'v3' ? rows.slice(0, 1) : rows;
    await meta.commitGroup(uid, { rows: some, sparse: [], counters: () => NO_COUNTS }, GEOMETRY);
    const version = await meta.findVersion(uid);
    if (version !== undefined && uid !== 'v3') await meta.finishBackup(version, NO_COUNTS);
  }
  await meta.markBlobsInvalid([{ uid: uidOf(2), checksum: sumOf(2) }]);
  const database = new Database(path);
  database.exec("UPDATE versions SET valid = 1 WHERE uid <> 'v3'");
  database.close();
  await meta.trackVersions(['v1', 'v2', 'v3']);
  for (const versionUid of ['v1', 'v2', 'v3']) await meta.settleManifest({ versionUid, changes: 1, folder: 'f' });
  return meta;
}

async function contentOf(meta: MetaStore): Promise<unknown> {
  const versions = await meta.listVersions({});
  const rows = await Promise.all(versions.map(({ uid }) => meta.blockPage(uid, -1, 100)));
  return { versions, rows };
}
