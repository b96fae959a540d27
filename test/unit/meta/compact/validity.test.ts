import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../../src/logger.ts';
import { sqliteStore } from '../../../../src/meta/sqlite/sqlite-store.ts';
import { MetaLab, row } from '../../../support/conformance/meta-lab.ts';
import { sumOf, uidOf } from '../../../support/conformance/numbered-blobs.ts';
import { editDatabase } from '../../../support/stores/edit-database.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-compact-'));
  path = join(folder, 'backy.sqlite');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const edit = (statements: string) => editDatabase(path, statements);

describe('a version of the compact layout', () => {
  const lab = new MetaLab(async () => ({
    layout: 'compact' as const,
    store: () => sqliteStore({ path, cacheMb: 4, createIfMissing: false, logger: silentLogger, now: () => new Date() }),
    setNow: () => {},
    ageCandidates: async () => {},
    dispose: async () => {},
  }));
  const isValid = async (uid: string) => (await lab.meta.findVersion(uid))?.valid;

  it('does not become valid while one of its blobs is known to be bad', async () => {
    await lab.newVersion('v1');
    await lab.commit(
      'v1',
      Array.from({ length: 10 }, (_, id) => row(id, 100 + id)),
    );
    await lab.meta.markBlobsInvalid([{ uid: uidOf(103), checksum: sumOf(103) }]);
    await lab.finish('v1');
    expect(await isValid('v1')).toBe(false);
  });

  it('that was finished does not become valid by healing once it lacks a leaf', async () => {
    await lab.whole('v1', 100);
    edit('UPDATE versions SET valid = 0');
    expect(await lab.meta.validateWhole(['v1'])).toEqual(['v1']);
    edit('UPDATE versions SET valid = 0; DELETE FROM backy2_map_leaves');
    expect(await lab.meta.validateWhole(['v1'])).toEqual([]);
    expect(await isValid('v1')).toBe(false);
  });

  it('is not read when its leaf names the blobs of another one', async () => {
    await lab.whole('v1', 100);
    await lab.whole('v2', 200, 'other');
    const database = new Database(path);
    const { id, data } = database.prepare('SELECT id, data FROM backy2_leaves ORDER BY id LIMIT 1').get() as {
      id: number;
      data: Buffer;
    };
    // The base: ten blobs further.
    data[5] = (data[5] ?? 0) + 10;
    database.prepare('UPDATE backy2_leaves SET data = ? WHERE id = ?').run(data, id);
    database.close();
    await expect(lab.rowsOf('v1')).rejects.toMatchObject({
      code: 'database',
      message: expect.stringContaining('another checksum'),
    });
  });
});
