import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkMetadata } from '../../../../src/core/upkeep/check-metadata.ts';
import { newBlobUid } from '../../../../src/data/blob-uid.ts';
import { silentLogger } from '../../../../src/logger.ts';
import type { BackupRow } from '../../../../src/model/block.ts';
import { BLOCK_SIZE, CoreLab } from '../../../support/labs/core-lab.ts';

const BLOCKS = 8;
const SEALED = `enc_version = 1, enc_envkey = '${'0a'.repeat(40)}'`;

let lab: CoreLab;
let errors: string[];
beforeEach(async () => {
  lab = await CoreLab.create();
  errors = [];
});
afterEach(() => lab.dispose());

const context = () => ({ ...lab.context, logger: { ...silentLogger, error: (text: string) => void errors.push(text) } });

function newRow(id: number): BackupRow {
  const size = id === BLOCKS - 1 ? 100 : BLOCK_SIZE;
  const plain = { encVersion: 0, envKey: null, nonce: null };
  return { id, uid: newBlobUid(), checksum: 'ab'.repeat(64), size, ...plain, found: false };
}

/** A valid version of eight blocks, the last of which is shorter. */
const newVersion = (uid: string) =>
  lab.wholeVersion(
    uid,
    Array.from({ length: BLOCKS }, (_, id) => newRow(id)),
  );

/** The findings, each as `version block+count problem`. */
async function found(): Promise<string[]> {
  const { findings } = await checkMetadata(context());
  return findings.map(({ versionUid, block, count, problem }) => `${versionUid} ${block}+${count} ${problem}`);
}

test('a database without damage has no findings', async () => {
  await newVersion('v1');
  await newVersion('v2');
  await lab.newVersion('empty', 0);
  expect(await checkMetadata(context())).toMatchObject({ versions: 3, blocks: 2 * BLOCKS, findings: [], more: 0 });
  expect(errors).toEqual([]);
});

test.each([
  ['DELETE FROM blocks WHERE id = 3', 'v1 3+1 missing'],
  ['DELETE FROM blocks WHERE id IN (0, 1, 2)', 'v1 0+3 missing'],
  ['DELETE FROM blocks WHERE id > 5', 'v1 6+2 missing'],
  ['DELETE FROM blocks', 'v1 0+8 missing'],
  ['UPDATE blocks SET valid = 0 WHERE id IN (2, 3)', 'v1 2+2 invalid'],
  ["UPDATE blocks SET uid = 'x' || substr(uid, 2) WHERE id = 4", 'v1 4+1 uid'],
  ["UPDATE blocks SET uid = '../../etc/passwd' WHERE id = 4", 'v1 4+1 uid'],
  [
    "UPDATE blocks SET uid = substr(uid, 1, 31) || CASE substr(uid, 32) WHEN 'a' THEN 'b' ELSE 'a' END WHERE id = 4",
    'v1 4+1 uid',
  ],
  ['UPDATE blocks SET uid = NULL WHERE id = 4', 'v1 4+1 blob'],
  ["UPDATE blocks SET uid = '' WHERE id = 4", 'v1 4+1 blob'],
  ['UPDATE blocks SET checksum = NULL WHERE id = 5', 'v1 5+1 checksum'],
  ['UPDATE blocks SET checksum = substr(checksum, 2) WHERE id = 5', 'v1 5+1 checksum'],
  ["UPDATE blocks SET checksum = 'g' || substr(checksum, 2) WHERE id = 5", 'v1 5+1 checksum'],
  ['UPDATE blocks SET size = 4097 WHERE id = 6', 'v1 6+1 size'],
  ['UPDATE blocks SET size = 1 WHERE id = 0', 'v1 0+1 size'],
  ['UPDATE blocks SET size = 4096 WHERE id = 7', 'v1 7+1 size'],
  ['UPDATE blocks SET enc_version = 7 WHERE id = 1', 'v1 1+1 key'],
  [`UPDATE blocks SET ${SEALED}, enc_nonce = NULL WHERE id = 1`, 'v1 1+1 key'],
  ["UPDATE versions SET size_bytes = 0 WHERE uid = 'v1'", 'v1 null+0 version'],
])('%s is found', async (damage, finding) => {
  await newVersion('v1');
  lab.sql(damage);
  expect(await found()).toContain(finding);
  expect(errors).not.toEqual([]);
});

test('only the damaged blocks are named', async () => {
  await newVersion('v1');
  await newVersion('v2');
  lab.sql("DELETE FROM blocks WHERE version_uid = 'v1' AND id IN (1, 2, 5)");
  lab.sql("UPDATE blocks SET uid = NULL WHERE version_uid = 'v2' AND id IN (5, 7)");
  lab.sql("UPDATE blocks SET id = 99 WHERE version_uid = 'v2' AND id = 6");
  expect(await found()).toEqual([
    ...['v1 1+2 missing', 'v1 5+1 missing'],
    ...['v2 5+1 blob', 'v2 6+1 missing', 'v2 7+1 blob', 'v2 null+0 ids'],
  ]);
  expect(errors[0]).toBe('Version v1 (vm), blocks 1 to 2: the database has no row.');
  expect(errors.at(-1)).toBe('Version v2 (vm): 1 rows have ids that no block of it has (99).');
});

test('rows that are right have no finding, whatever else they hold', async () => {
  await newVersion('v1');
  lab.sql(`UPDATE blocks SET ${SEALED}, enc_nonce = '${'0b'.repeat(16)}' WHERE id = 1`);
  lab.sql("UPDATE blocks SET uid = NULL, checksum = NULL, enc_envkey = 'left over' WHERE id = 2");
  lab.sql("UPDATE blocks SET uid = '', checksum = '' WHERE id = 3");
  lab.sql('UPDATE blocks SET uid = NULL, checksum = NULL, size = NULL WHERE id = 0');
  expect(await found()).toEqual([]);
});

test('a backup that has not finished lacks rows, which is no damage; a wrong row in it is', async () => {
  const { size, sizeBytes } = await newVersion('v1');
  lab.sql('UPDATE versions SET valid = 0; DELETE FROM blocks WHERE id IN (1, 2, 7); UPDATE blocks SET valid = 0 WHERE id = 3');
  expect([size, sizeBytes]).toEqual([BLOCKS, 7 * BLOCK_SIZE + 100]);
  expect(await found()).toEqual([]);
  lab.sql("UPDATE blocks SET uid = 'x' WHERE id = 4");
  expect(await found()).toEqual(['v1 4+1 uid']);
});

test('a doomed blob that a valid row names is found, with all of its blocks', async () => {
  await newVersion('v1');
  lab.sql('UPDATE blocks SET uid = (SELECT uid FROM blocks WHERE id = 2) WHERE id = 3; UPDATE blocks SET valid = 0 WHERE id = 6');
  await lab.meta.countFullCleanup();
  lab.sql('INSERT INTO backy2_doomed SELECT DISTINCT uid, 1 FROM blocks WHERE id IN (2, 6)');
  lab.sql('UPDATE versions SET valid = 0');
  expect(await found()).toEqual(['v1 2+2 doomed']);
});

test('versions that are being made or removed are skipped, with a warning', async () => {
  await newVersion('v1');
  await newVersion('v2');
  lab.sql('DELETE FROM blocks WHERE id = 3');
  const lock = await lab.otherLocks().tryAcquire('v1', 'exclusive');
  const warnings: string[] = [];
  const logger = { ...silentLogger, warning: (text: string) => void warnings.push(text) };
  const { versions, findings } = await checkMetadata({ ...lab.context, logger });
  await lock?.release();
  expect({ versions, findings: findings.map(({ versionUid }) => versionUid) }).toEqual({ versions: 1, findings: ['v2'] });
  expect(warnings).toEqual([expect.stringContaining('Version v1 (vm) was skipped')]);
});

test('a stop ends the check', async () => {
  await newVersion('v1');
  const stopped = { ...lab.context, signal: AbortSignal.abort(new Error('stopped')) };
  await expect(checkMetadata(stopped)).rejects.toThrow('stopped');
});

/** Overwrites the first page of a table or index with zeros, as after a lost write. */
function losePage(name: string): void {
  const path = join(lab.folder, 'backy.sqlite');
  const db = new Database(path);
  const { page } = db.prepare('SELECT rootpage AS page FROM sqlite_master WHERE name = ?').get(name) as { page: number };
  const size = db.pragma('page_size', { simple: true }) as number;
  db.close();
  const fd = openSync(path, 'r+');
  writeSync(fd, Buffer.alloc(size), 0, size, (page - 1) * size);
  closeSync(fd);
}

test.each([
  ['ix_blocks_uid', ['null null+0 index']],
  ['blocks', ['null null+0 index', 'v1 null+0 unreadable']],
])('a lost page of %s is found, and the check goes on', async (name, findings) => {
  await newVersion('v1');
  await lab.meta.close();
  losePage(name);
  await lab.meta.open();
  expect(await found()).toEqual(findings);
  expect(errors[0]).toMatch(/^Database: The database .* is damaged: /);
});
