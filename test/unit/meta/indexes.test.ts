import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/logger.ts';
import { sqliteStore } from '../../../src/meta/sqlite/sqlite-store.ts';
import type { Layout } from '../../../src/model/layout.ts';
import { MetaLab, row } from '../../support/conformance/meta-lab.ts';
import { editDatabase } from '../../support/stores/edit-database.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-indexes-'));
  path = join(folder, 'backy.sqlite');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const edit = (statements: string) => editDatabase(path, statements);

/** Fills an index as if its definition had `to` in place of `from`. */
function damage(index: string, from: string, to: string): void {
  const define = (text: string) =>
    edit(`PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = ${text} WHERE name = '${index}'`);
  define(`replace(sql, '${from}', '${to}')`);
  edit(`REINDEX ${index}`);
  define(`replace(sql, '${to}', '${from}')`);
}

function labOf(layout: Layout): MetaLab {
  return new MetaLab(async () => ({
    layout,
    store: () => sqliteStore({ path, cacheMb: 16, createIfMissing: false, logger: silentLogger, now: () => new Date() }),
    setNow: () => {},
    ageCandidates: async () => {},
    dispose: async () => {},
  }));
}

const INDEXES: Record<Layout, [index: string, from: string, to: string][]> = {
  classic: [
    ['ix_blocks_uid', '(uid)', '(checksum)'],
    ['ix_blocks_checksum', '(checksum)', '(uid)'],
  ],
  compact: [
    ['backy2_ix_blobs_uid', '(uid, 1, 10)', '(uid, 2, 10)'],
    ['backy2_ix_blobs_checksum', '(checksum, 1, 8)', '(checksum, 57, 8)'],
    ['backy2_ix_blobs_bad', 'valid = 0', 'valid = 1'],
    ['backy2_ix_leaves_sum', '(sum)', '(data)'],
    ['backy2_ix_map_leaves_leaf', '(leaf, map)', '(idx, map)'],
    ['backy2_ix_candidates_unused', 'scanned = -1', 'scanned = 0'],
  ],
};

describe.each(['classic', 'compact'] as const)('indexes of the %s layout', (layout) => {
  const lab = labOf(layout);
  beforeEach(async () => {
    await lab.whole('v0', 300);
    await lab.whole('v1', 100);
    await lab.whole('v2', 200, 'other');
    await lab.meta.removeVersion('v1', () => {});
    await lab.meta.markBlobsInvalid([row(3, 203)].map(({ uid, checksum }) => ({ uid: uid ?? '', checksum })));
  });

  it('match their tables', async () => {
    await lab.meta.verifyIndexes(() => {});
  });

  it.each(INDEXES[layout])('%s is found with other entries, and if it is missing', async (index, from, to) => {
    await lab.meta.close();
    damage(index, from, to);
    await lab.meta.open();
    await expect(lab.meta.verifyIndexes(() => {})).rejects.toMatchObject({
      code: 'database',
      message: expect.stringMatching(new RegExp(`${index} does not match table|wrong # of entries in index ${index}`)),
    });
    await lab.meta.close();
    edit(`DROP INDEX ${index}`);
    await lab.meta.open();
    await expect(lab.meta.verifyIndexes(() => {})).rejects.toThrow(`index ${index} of table`);
  });
});

describe('the removal of a version', () => {
  const lab = labOf('compact');

  it('deletes no leaf that the next version has too, though the index of leaves lacks it', async () => {
    await lab.whole('v1', 100);
    await lab.newVersion('v2');
    const rows = Array.from({ length: 10 }, (_, id) => row(id, 100 + id, true));
    await lab.commit('v2', rows);
    await lab.finish('v2');
    await lab.meta.close();
    damage('backy2_ix_map_leaves_leaf', '(leaf, map)', '(leaf, map) WHERE map <> 2');
    await lab.meta.open();
    await expect(lab.meta.removeVersion('v1', () => {})).rejects.toMatchObject({
      code: 'database',
      message: expect.stringContaining('index backy2_ix_map_leaves_leaf lacks leaf'),
    });
    expect(await lab.rowsOf('v2')).toHaveLength(10);
    expect(await lab.rowsOf('v1')).toHaveLength(10);
  });
});
