import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../../src/logger.ts';
import { sqliteStore } from '../../../../src/meta/sqlite/sqlite-store.ts';
import { metaHealingSuite } from '../../../support/conformance/meta-healing.ts';
import { metaIdentitySuite } from '../../../support/conformance/meta-identity.ts';
import { metaStoreSuite } from '../../../support/conformance/meta-store.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-compact-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the SQLite store in the compact layout', () => {
  const create = async () => {
    let now = new Date();
    const path = join(folder, 'backy.sqlite');
    return {
      layout: 'compact' as const,
      store: () => sqliteStore({ path, cacheMb: 16, createIfMissing: false, logger: silentLogger, now: () => now }),
      setNow: (date: Date) => {
        now = date;
      },
      ageCandidates: async (seconds: number) => {
        const database = new Database(path);
        database.prepare('UPDATE backy2_candidates SET time = time - ?').run(seconds);
        database.close();
      },
      dispose: async () => {},
    };
  };
  it('finds encrypted blobs between many that are not', async () => {
    const { store } = await create();
    const meta = store();
    await meta.initialize('compact');
    await meta.open();
    const database = new Database(join(folder, 'backy.sqlite'));
    database.exec(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000)
      INSERT INTO backy2_blobs (uid, checksum, size, valid, enc_version, envkey)
      SELECT printf('%032d', i), x'00', 1, 1, i / 2000 = 10, CASE WHEN i / 2000 = 10 THEN x'ab' END FROM n`);
    database.close();
    expect(await meta.sampleSealedBlocks(16)).toEqual([{ encVersion: 1, envKey: 'ab' }]);
    await meta.close();
  });
  describe('conformance of versions and blocks', () => metaStoreSuite(create));
  describe('conformance of healing and checks', () => metaHealingSuite(create));
  describe('conformance of what ties it to its data backend', () => metaIdentitySuite(create));
});
