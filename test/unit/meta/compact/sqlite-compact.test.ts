import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe } from 'vitest';
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
  describe('conformance of versions and blocks', () => metaStoreSuite(create));
  describe('conformance of healing and checks', () => metaHealingSuite(create));
  describe('conformance of what ties it to its data backend', () => metaIdentitySuite(create));
});
