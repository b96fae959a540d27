import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { silentLogger } from '../../../../src/logger.ts';
import { leafHash } from '../../../../src/meta/compact/leaf-sum.ts';
import type { MetaStore } from '../../../../src/meta/meta-store.ts';
import { sqliteStore } from '../../../../src/meta/sqlite/sqlite-store.ts';
import type { BackupRow } from '../../../../src/model/block.ts';
import { NO_COUNTS } from '../../../../src/model/counters.ts';
import { row } from '../../../support/conformance/meta-lab.ts';

/** Six leaves, of which the last is not full. */
const SIZE = 5_500;
const GEOMETRY = { blockSize: 100, sizeBytes: SIZE * 100 };
/** A block of the third leaf. */
const CHANGED = 2_345;

let folder: string;
let store: MetaStore;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-shared-'));
  const now = () => new Date('2026-11-23T04:42:24.910Z');
  store = sqliteStore({ path: join(folder, 'db'), cacheMb: 16, createIfMissing: false, logger: silentLogger, now });
  await store.initialize('compact');
  await store.open();
  await create('v1');
  await commit(
    'v1',
    Array.from({ length: SIZE }, (_, id) => ({ ...row(id, id), size: 100 })),
  );
  await create('v2');
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const create = (uid: string) =>
  store.createVersion({ uid, name: 'vm', snapshotName: '', size: SIZE, ...GEOMETRY, expire: null, tags: [] });
const commit = (uid: string, rows: BackupRow[]) =>
  store.commitGroup(uid, { rows, sparse: [], counters: () => NO_COUNTS }, GEOMETRY);

/** Takes all blocks of v1 over but one, which is new in v2. */
async function makeNext(): Promise<void> {
  const ranges = [
    { first: 0, count: CHANGED },
    { first: CHANGED + 1, count: SIZE - CHANGED - 1 },
  ];
  const request = { baseUid: 'v1', versionUid: 'v2', ranges, geometry: GEOMETRY };
  await store.takeOver({ ...request, counters: () => NO_COUNTS, onCopied: () => {} });
  await commit('v2', [{ ...row(CHANGED, SIZE), size: 100 }]);
}

/** Damages the leaves of several versions, or those of one. @returns how many. */
function damageLeaves(which: 'shared' | 'own'): number {
  const db = new Database(join(folder, 'db'));
  const uses = `(SELECT count(*) FROM backy2_map_leaves WHERE leaf = backy2_leaves.id) ${which === 'shared' ? '> 1' : '= 1'}`;
  const { changes } = db.prepare(`UPDATE backy2_leaves SET data = x'00' WHERE n = 1000 AND ${uses}`).run();
  db.close();
  return changes;
}

it('leaves that both versions share are compared without a look into them', async () => {
  await makeNext();
  expect(damageLeaves('shared')).toBe(4);
  expect(await store.compareVersions('v1', 'v2', -1, SIZE * 2)).toEqual({
    ranges: [
      { change: 'SAME', first: 0, count: CHANGED },
      { change: 'DIFF', first: CHANGED, count: 1 },
      { change: 'SAME', first: CHANGED + 1, count: SIZE - CHANGED - 1 },
    ],
    end: Number.POSITIVE_INFINITY,
  });
});

it('damage of other leaves ends a comparison', async () => {
  await makeNext();
  expect(damageLeaves('own')).toBe(2);
  await expect(store.compareVersions('v1', 'v2', -1, SIZE * 2)).rejects.toMatchObject({ code: 'database' });
});

/** Gives all full leaves bytes with a right checksum and count that cannot be decoded. */
async function makeUndecodable(): Promise<void> {
  // Two extents, of which the second begins behind the last block.
  const data = Buffer.from('14'.concat('0000000000', '8000', '00000000', '83e8', '00000000'), 'hex');
  const sum = (await leafHash())(data);
  const db = new Database(join(folder, 'db'));
  db.prepare('UPDATE backy2_leaves SET data = ?, sum = ? WHERE n = 1000').run(data, sum);
  db.close();
}

it('full leaves are taken over, and known to be there, without being decoded', async () => {
  await makeUndecodable();
  const range = { first: 0, count: CHANGED };
  await expect(store.blockPage('v1', -1, 1)).rejects.toMatchObject({ code: 'database' });
  const whole = { first: 0, count: 2000 };
  const request = { baseUid: 'v1', versionUid: 'v2', ranges: [whole], geometry: GEOMETRY };
  const taken = await store.takeOver({ ...request, counters: () => NO_COUNTS, onCopied: () => {} });
  expect(taken).toMatchObject({ blocks: 2000, sparseBlocks: 2000 });
  expect(await store.presentBlocks('v2', range)).toEqual([whole]);
});

it('a damaged leaf is not taken over, though its blocks are not looked at', async () => {
  expect(damageLeaves('own')).toBe(5);
  await expect(makeNext()).rejects.toMatchObject({ code: 'database' });
  expect(await store.countBlocks('v2')).toBe(0);
});
