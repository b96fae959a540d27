import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { silentLogger } from '../../../../src/logger.ts';
import { sqliteStore } from '../../../../src/meta/sqlite/sqlite-store.ts';
import { LAYOUTS } from '../../../../src/model/layout.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-layout-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const storeAt = (path: string) =>
  sqliteStore({ path, cacheMb: 16, createIfMissing: false, logger: silentLogger, now: () => new Date() });

it.each(LAYOUTS)('a new database has the layout that was asked for, and tells it: %s', async (layout) => {
  const path = join(folder, 'db');
  const [store, other] = [storeAt(path), storeAt(path)];
  await store.initialize(layout);
  await other.open();
  expect(await other.layout()).toBe(layout);
  await other.close();
  await expect(store.initialize(layout === 'classic' ? 'compact' : 'classic')).rejects.toMatchObject({ exitCode: 100 });
  await store.close();
  const db = new Database(path, { readonly: true });
  expect(db.prepare("SELECT count(*) AS n FROM sqlite_master WHERE name = 'blocks'").get()).toEqual({
    n: layout === 'classic' ? 1 : 0,
  });
  db.close();
});
