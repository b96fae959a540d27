import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/logger.ts';
import type { MetaStore } from '../../../src/meta/meta-store.ts';
import { REVISIONS } from '../../../src/meta/sql/revisions.ts';
import { sqlitePath } from '../../../src/meta/sqlite/engine-url.ts';
import { sqliteStore } from '../../../src/meta/sqlite/sqlite-store.ts';
import { metaHealingSuite } from '../../support/conformance/meta-healing.ts';
import { metaIdentitySuite } from '../../support/conformance/meta-identity.ts';
import { metaStoreSuite } from '../../support/conformance/meta-store.ts';
import { sha256OfFile } from '../../support/images/sha256.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-meta-'));
  path = join(folder, 'backy.sqlite');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function storeAt(now: () => Date = () => new Date()): MetaStore {
  return sqliteStore({ path, cacheMb: 16, createIfMissing: false, logger: silentLogger, now });
}

describe('the SQLite store', () => {
  describe('conformance', () => {
    const create = async () => {
      let now = new Date();
      return {
        store: () => storeAt(() => now),
        setNow: (date: Date) => {
          now = date;
        },
        ageCandidates: async (seconds: number) => {
          const database = new Database(path);
          database.prepare('UPDATE deleted_blocks SET time = time - ?').run(seconds);
          database.close();
        },
        dispose: async () => {},
      };
    };
    describe('of versions and blocks', () => metaStoreSuite(create));
    describe('of healing and checks', () => metaHealingSuite(create));
    describe('of what ties it to its data backend', () => metaIdentitySuite(create));
  });

  it('keeps all others from naming unused candidates while their blobs are deleted', async () => {
    const [store, other] = [storeAt(), storeAt()];
    await store.initialize();
    await Promise.all([store.open(), other.open()]);
    const database = new Database(path);
    database.pragma('foreign_keys = OFF');
    database.exec("INSERT INTO deleted_blocks (uid, size, delete_candidate, time) VALUES ('unused', 1, 0, 0), ('used', 1, 0, 0)");
    database.exec(
      "INSERT INTO blocks (uid, version_uid, id, date, size, valid, enc_version) VALUES ('used', 'v', 0, '', 1, 1, 0)",
    );
    database.close();
    const steps: string[] = [];
    let writing = Promise.resolve();
    await store.withUnusedCandidates({ minAgeSeconds: 60, limit: 10, prefix: '', isAlone: false }, async (uids) => {
      writing = other.keepStoreId('id').then(() => void steps.push('written'));
      await sleep(20);
      steps.push(...uids);
    });
    await writing;
    expect(steps).toEqual(['unused', 'written']);
    await Promise.all([store.close(), other.close()]);
  });

  it('copies no row that was found bad and mended between two pieces of a take-over, whose base is valid again by then', async () => {
    const store = storeAt();
    await store.initialize();
    await store.open();
    const size = 80_000;
    const geometry = { blockSize: 100, sizeBytes: size * 100 };
    const counters = {
      ...{ bytesRead: 0, blocksRead: 0, bytesWritten: 0, blocksWritten: 0, bytesDedup: 0, blocksDedup: 0 },
      ...{ bytesSparse: 0, blocksSparse: 0, durationSeconds: 0 },
    };
    const seal = { size: 100, encVersion: 0, envKey: null, nonce: null };
    for (const uid of ['v1', 'v2'])
      await store.createVersion({
        uid,
        name: 'n',
        snapshotName: '',
        size,
        sizeBytes: geometry.sizeBytes,
        expire: null,
        tags: [],
      });
    // Rows are taken in the order of their checksums' first digits: the last one comes with the
    // last piece.
    const rows = Array.from({ length: size }, (_, id) => ({
      id,
      uid: `0${id}`,
      checksum: id === 7 ? 'f' : `0${id}`,
      found: false,
      ...seal,
    }));
    await store.commitGroup('v1', { rows, sparse: [], counters: () => counters }, geometry);
    expect(await store.validateWhole(['v1'])).toEqual([]);
    const version = await store.findVersion('v1');
    if (version === undefined) throw new Error('no version');
    await store.finishBackup(version, counters);
    let mending: Promise<unknown> | undefined;
    const mend = async () => {
      expect(await store.markBlobsInvalid([{ uid: '07', checksum: 'f' }])).toEqual([
        [{ versionUid: 'v1', id: expect.any(Number) }],
      ]);
      await store.heal([{ uid: 'good', checksum: 'f', ...seal }]);
      expect(await store.validateWhole(['v1'])).toEqual(['v1']);
    };
    const { blocks } = await store.takeOver({
      ...{ baseUid: 'v1', versionUid: 'v2', ranges: [{ first: 0, count: size }], geometry, counters: () => counters },
      onCopied: () => {
        mending ??= mend();
      },
    });
    await mending;
    expect(blocks).toBe(size - 1);
    expect(await store.blocksById('v2', [7])).toEqual([]);
    await store.close();
  });

  it('leaves one file behind, in the original schema to the letter, with our own tables beside it', async () => {
    const store = storeAt();
    await store.initialize();
    await store.close();
    expect(readdirSync(folder)).toEqual(['backy.sqlite']);
    const db = new Database(path, { readonly: true });
    const statements = db
      .prepare("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'backy2\\_%' ESCAPE '\\'")
      .pluck()
      .all();
    expect(statements.map((sql) => `${sql};\n`).join('')).toBe(readFileSync('docs/spec/schema.sqlite.sql', 'utf8'));
    db.close();
  });

  it('counts uses that came up since all were counted', async () => {
    const store = storeAt();
    await store.initialize();
    const db = new Database(path);
    db.pragma('foreign_keys = OFF');
    const insert = db.prepare("INSERT INTO blocks VALUES (?, ?, ?, '2026-01-02 03:04:05', 'c', 100, 1, 0, '', NULL)");
    insert.run('known', 'v1', 0);
    let asked = 0;
    const [, second] = await store.diskUsage(['v1', 'v2'], () => {
      if (++asked === 2) for (let id = 0; id < 3; id++) insert.run('new', 'v2', id);
    });
    expect(second).toMatchObject({ real: 300, dedupOwn: 200, dedupOthers: 0, individual: 0, freed: 100 });
    expect(second?.estimated).toBeCloseTo(100 / 3, 9);
    db.close();
    await store.close();
  });

  it('does not create a database that is missing', async () => {
    await expect(storeAt().open()).rejects.toThrow(/Please run initdb first/);
    expect(existsSync(path)).toBe(false);
  });

  it('opened as it is, creates and upgrades nothing', async () => {
    const embedded = sqliteStore({ path, cacheMb: 1, createIfMissing: true, logger: silentLogger, now: () => new Date() });
    await expect(embedded.open({ asItIs: true })).rejects.toMatchObject({ code: 'database' });
    expect(existsSync(path)).toBe(false);
    expect(await embedded.open()).toEqual({ isNew: true });
    await embedded.close();
    const db = new Database(path);
    db.prepare('UPDATE alembic_version SET version_num = ?').run(REVISIONS[0]);
    db.close();
    const before = sha256OfFile(path);
    const outdated = storeAt();
    await expect(outdated.open({ asItIs: true })).rejects.toThrow(/has an old revision/);
    await outdated.close();
    expect(sha256OfFile(path)).toBe(before);
  });

  it('takes only what is no database for one to initialise', async () => {
    writeFileSync(path, 'no database, but as long as a header of one is, which has a hundred bytes'.repeat(20));
    await expect(storeAt().open()).rejects.toThrow(/Invalid database .* run initdb first/);
    rmSync(path);
    mkdirSync(path);
    await expect(storeAt().open()).rejects.toThrow(`The database ${path} failed: unable to open database file`);
  });

  it('refuses unknown revisions, and changes nothing', async () => {
    for (const revision of ['ffffffffffff', '5260034b812', '']) {
      const store = storeAt();
      await store.initialize();
      await store.close();
      const db = new Database(path);
      db.prepare('UPDATE alembic_version SET version_num = ?').run(revision);
      db.close();
      const before = sha256OfFile(path);
      const refused = storeAt();
      await expect(refused.open()).rejects.toThrow(`the unknown revision ${revision}`);
      await refused.close();
      expect(sha256OfFile(path)).toBe(before);
      expect(readdirSync(folder)).toEqual(['backy.sqlite']);
      rmSync(path);
    }
  });

  it('waits for another program that writes', async () => {
    const store = storeAt();
    await store.initialize();
    await store.open();
    const db = new Database(path);
    db.exec('BEGIN IMMEDIATE');
    const waiting = store.createVersion({ uid: 'v', name: 'n', snapshotName: '', size: 0, sizeBytes: 0, expire: null, tags: [] });
    let done = false;
    void waiting.then(() => {
      done = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(done).toBe(false);
    db.exec('COMMIT');
    await waiting;
    db.close();
    await store.close();
  });

  it.each([
    ['sqlite:////var/lib/b.sqlite', '/var/lib/b.sqlite'],
    ['sqlite:///b.sqlite', 'b.sqlite'],
    ['sqlite:///b.sqlite?timeout=20', 'b.sqlite'],
  ])('takes %s for the file %s', (engine, file) => {
    expect(sqlitePath(engine)).toBe(file);
  });
});
