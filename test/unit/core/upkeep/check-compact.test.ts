import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { backup } from '../../../../src/core/backup/backup.ts';
import { restore } from '../../../../src/core/restore/restore.ts';
import { scrub } from '../../../../src/core/scrub/scrub.ts';
import { OpenImages } from '../../../../src/core/serve/open-images.ts';
import { exportText } from '../../../../src/core/transfer/export.ts';
import { checkMetadata } from '../../../../src/core/upkeep/check-metadata.ts';
import { isComplete } from '../../../../src/core/versions/check-rows.ts';
import { newBlobUid } from '../../../../src/data/blob-uid.ts';
import { silentLogger } from '../../../../src/logger.ts';
import type { BackupRow } from '../../../../src/model/block.ts';
import { NO_COUNTS } from '../../../../src/model/counters.ts';
import { runInline } from '../../../support/engine/inline-pool.ts';
import { noise } from '../../../support/images/random.ts';
import { BLOCK_SIZE, CoreLab } from '../../../support/labs/core-lab.ts';

/** Three leaves. */
const BLOCKS = 2_100;

let lab: CoreLab;
let errors: string[];
beforeEach(async () => {
  lab = await CoreLab.create('compact');
  errors = [];
});
afterEach(() => lab.dispose());

const context = () => ({
  ...lab.context,
  logger: { ...silentLogger, error: (text: string) => void errors.push(text) },
});

function newRow(id: number): BackupRow {
  const plain = { encVersion: 0, envKey: null, nonce: null };
  return { id, uid: newBlobUid(), checksum: 'ab'.repeat(64), size: id === BLOCKS - 1 ? 100 : BLOCK_SIZE, ...plain, found: false };
}

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

/** Damages the database as a bit flip would: without its own checks. */
function damage(statement: string, ...values: unknown[]): void {
  const db = new Database(join(lab.folder, 'backy.sqlite'));
  db.pragma('foreign_keys = OFF');
  db.prepare(statement).run(...values);
  db.close();
}

const ofLeaf = (idx: number) => `(SELECT leaf FROM backy2_map_leaves WHERE map = 1 AND idx = ${idx})`;
const blobOf = (n: number) => `(SELECT id FROM backy2_blobs ORDER BY id LIMIT 1 OFFSET ${n})`;

test('a database without damage has no findings', async () => {
  await newVersion('v1');
  await newVersion('v2');
  await lab.newVersion('empty', 0);
  expect(await checkMetadata(context())).toMatchObject({ versions: 3, blocks: 2 * BLOCKS, findings: [], more: 0 });
  expect(errors).toEqual([]);
});

test.each([
  [`UPDATE backy2_leaves SET data = zeroblob(length(data)) WHERE id = ${ofLeaf(1)}`, ['v1 1000+1000 leaf']],
  [`UPDATE backy2_leaves SET sum = zeroblob(8) WHERE id = ${ofLeaf(2)}`, ['v1 null+0 digest', 'v1 2000+100 leaf']],
  [`UPDATE backy2_leaves SET n = 999 WHERE id = ${ofLeaf(0)}`, ['v1 0+1000 leaf']],
  [`UPDATE backy2_leaves SET odd = 5 WHERE id = ${ofLeaf(0)}`, ['v1 null+0 leaf']],
  [`DELETE FROM backy2_leaves WHERE id = ${ofLeaf(0)}`, ['v1 null+0 digest', 'v1 0+1000 leaf']],
  ['DELETE FROM backy2_map_leaves WHERE map = 1 AND idx = 1', [/dangling/, 'v1 null+0 digest', 'v1 1000+1000 missing']],
  [
    'UPDATE backy2_map_leaves SET idx = 7 WHERE map = 1 AND idx = 1',
    ['v1 null+0 digest', 'v1 1000+1000 missing', 'v1 null+0 ids'],
  ],
  ['UPDATE backy2_maps SET digest = zeroblob(8) WHERE id = 1', ['v1 null+0 digest']],
  ['DELETE FROM backy2_maps WHERE id = 1', [/dangling/, 'v1 null+0 leaf', `v1 0+${BLOCKS} missing`]],
  ["DELETE FROM versions WHERE uid = 'v1'", [/dangling/]],
  [`DELETE FROM backy2_blobs WHERE id = ${blobOf(1500)}`, ['v1 1500+1 blob']],
  [`UPDATE backy2_blobs SET uid = NULL WHERE id = ${blobOf(1500)}`, ['v1 1500+1 blob']],
  [`UPDATE backy2_blobs SET uid = 'x' WHERE id = ${blobOf(1500)}`, ['v1 1500+1 uid']],
  [`UPDATE backy2_blobs SET valid = 0 WHERE id = ${blobOf(7)}`, ['v1 7+1 invalid']],
  [`UPDATE backy2_blobs SET checksum = zeroblob(3) WHERE id = ${blobOf(7)}`, ['v1 7+1 checksum']],
  [`UPDATE backy2_blobs SET enc_version = 1 WHERE id = ${blobOf(7)}`, ['v1 7+1 key']],
])('%s is found', async (statement, findings) => {
  await newVersion('v1');
  await newVersion('v2');
  damage(statement);
  const all = await found();
  expect(all).toEqual(findings.map((finding) => (typeof finding === 'string' ? finding : expect.stringMatching(finding))));
  expect(errors).toHaveLength(findings.length);
});

test('a database whose side tables were dropped is sampled and checked, and does not get them', async () => {
  await newVersion('v1');
  for (const table of ['backy2_doomed', 'backy2_store']) damage(`DROP TABLE ${table}`);
  await lab.meta.close();
  await lab.meta.open();
  expect(await lab.meta.sampleBlobs({ limit: 5, random: () => 0.5 })).toHaveLength(5);
  expect(await lab.meta.sampleBlobs({ limit: 5, random: () => 0.5, versionUid: 'v1' })).toHaveLength(5);
  expect(await found()).toEqual([]);
  const db = new Database(join(lab.folder, 'backy.sqlite'));
  expect(db.prepare("SELECT name FROM sqlite_master WHERE name IN ('backy2_doomed', 'backy2_store')").all()).toEqual([]);
  db.close();
});

test('every flipped bit of a leaf is found', async () => {
  await newVersion('v1');
  const db = new Database(join(lab.folder, 'backy.sqlite'));
  const { id, data } = db.prepare(`SELECT id, data FROM backy2_leaves WHERE id = ${ofLeaf(0)}`).get() as {
    id: number;
    data: Buffer;
  };
  const update = db.prepare('UPDATE backy2_leaves SET data = ? WHERE id = ?');
  for (let bit = 0; bit < data.length * 8; bit += 3) {
    const flipped = Buffer.from(data);
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    update.run(flipped, id);
    const { damage: found } = await lab.meta.checkedPage('v1', -1, 1000);
    expect(found, `bit ${bit}`).toMatchObject([{ problem: 'leaf', range: { first: 0, count: 1000 } }]);
  }
  db.close();
});

test('a damaged leaf that two versions share is named for both', async () => {
  const rows = Array.from({ length: 1_000 }, (_, id) => ({ ...newRow(id), size: BLOCK_SIZE }));
  await lab.wholeVersion('v1', rows);
  await lab.wholeVersion(
    'v2',
    rows.map((row) => ({ ...row, found: true })),
  );
  damage('UPDATE backy2_leaves SET sum = zeroblob(8)');
  expect((await found()).filter((line) => line.endsWith('leaf'))).toEqual(['v1 0+1000 leaf', 'v2 0+1000 leaf']);
});

test('a blob that a valid block names, and that is doomed or was found unused, is found', async () => {
  await newVersion('v1');
  damage(`INSERT INTO backy2_doomed SELECT uid, 1 FROM backy2_blobs WHERE id IN (${blobOf(5)}, ${blobOf(9)})`);
  damage(`UPDATE backy2_blobs SET valid = 0 WHERE id = ${blobOf(9)}`);
  damage(`INSERT INTO backy2_candidates (blob, time, scanned) VALUES (${blobOf(7)}, 1, -1), (${blobOf(8)}, 1, 0)`);
  damage('UPDATE versions SET valid = 0');
  expect(await found()).toEqual(['v1 5+1 doomed', 'v1 7+1 doomed']);
});

test('a version that is taken apart or removed does not look damaged', async () => {
  const zeros = { first: 0, count: 501_000 };
  const geometry = { blockSize: BLOCK_SIZE, sizeBytes: zeros.count * BLOCK_SIZE };
  const version = await lab.newVersion('v1', geometry.sizeBytes);
  await lab.meta.commitGroup('v1', { rows: [], sparse: [zeros], counters: () => NO_COUNTS }, geometry);
  await lab.meta.finishBackup(version, NO_COUNTS);
  const stop = () => {
    throw new Error('stop');
  };
  await expect(lab.meta.removeVersion('v1', stop)).rejects.toThrow('stop');
  expect(await lab.meta.countBlocks('v1')).toBe(1_000);
  expect(await found()).toEqual([]);
});

test('a leaf of another place or version is not taken for the own one', async () => {
  await newVersion('v1');
  await newVersion('v2');
  damage(`UPDATE backy2_map_leaves SET leaf = ${ofLeaf(1)} WHERE map = 1 AND idx = 0`);
  expect(await isComplete(context(), await lab.version('v1'))).toBe(false);
  expect(errors).toEqual([expect.stringContaining('its leaves do not fit its digest'), 'Version is incomplete.']);
  expect(await isComplete(context(), await lab.version('v2'))).toBe(true);
  const geometry = { blockSize: BLOCK_SIZE, sizeBytes: (BLOCKS - 1) * BLOCK_SIZE + 100 };
  await lab.newVersion('v3', geometry.sizeBytes);
  const request = {
    versionUid: 'v3',
    ranges: [{ first: 0, count: 10 }],
    geometry,
    counters: () => NO_COUNTS,
    onCopied: () => {},
  };
  await expect(lab.meta.takeOver({ ...request, baseUid: 'v1' })).rejects.toThrow('is damaged');
  expect(await lab.meta.countBlocks('v3')).toBe(0);
  await lab.meta.takeOver({ ...request, baseUid: 'v2' });
  expect(await lab.meta.countBlocks('v3')).toBe(10);
});

test('a leaf that counts more blocks than it has is not read', async () => {
  const rows = Array.from({ length: BLOCKS - 1 }, (_, id) => newRow(id + 1));
  await lab.wholeVersion('v1', rows).catch(() => {});
  damage(`UPDATE backy2_leaves SET n = n + 1 WHERE id = ${ofLeaf(0)}`);
  await expect(lab.meta.blockPage('v1', -1, 10)).rejects.toThrow('has a wrong count');
});

test('blocks of another version that look right are not restored, served or exported as the own ones', async () => {
  const settings = { ...lab.context.settings, workers: undefined };
  const context = { ...lab.context, settings };
  const [one, other] = ['one', 'other'].map((name) => ({ source: lab.source(noise(5 * BLOCK_SIZE, name), name), name }));
  if (one === undefined || other === undefined) throw new Error('no images');
  const { uid } = await backup(context, one);
  await backup(context, other);
  damage('UPDATE backy2_map_leaves SET leaf = (SELECT leaf FROM backy2_map_leaves WHERE map = 2) WHERE map = 1');
  const images = await OpenImages.create(context, () => {});
  await expect(images.open(uid)).rejects.toThrow('is damaged in the database');
  await images.close();
  await expect(exportText(context, uid).next()).rejects.toThrow('was not exported');
  const request = { uid, target: `file://${join(lab.folder, 'target')}`, sparse: false, force: true, discard: false, fromId: 0 };
  expect(await restore(context, request, runInline)).toMatchObject({ complete: false, blocksRestored: 5 });
  expect(await scrub(context, { uid, percent: 100 })).toMatchObject({ complete: false, valid: false });
});

test('what an import that was killed has left is no damage', async () => {
  await newVersion('v1');
  await newVersion('v2');
  // An import adds the version and its digest last.
  damage("DELETE FROM versions WHERE uid = 'v1'");
  damage("UPDATE backy2_maps SET digest = NULL WHERE version_uid = 'v1'");
  expect(await found()).toEqual([]);
});

test('a damaged digest: all is restored, each block checked, but the version counts as incomplete', async () => {
  const settings = { ...lab.context.settings, workers: undefined };
  const quiet = { ...lab.context, settings };
  const image = noise(5 * BLOCK_SIZE, 'image');
  const { uid } = await backup(quiet, { source: lab.source(image, 'image'), name: 'vm' });
  damage('UPDATE backy2_maps SET digest = zeroblob(8)');
  const target = join(lab.folder, 'target');
  const request = { uid, target: `file://${target}`, sparse: false, force: true, discard: false, fromId: 0 };
  expect(await restore({ ...quiet, logger: context().logger }, request, runInline)).toMatchObject({
    ...{ complete: false, blocksRestored: 5, blocksBad: 0, errors: [], affectedVersions: [uid] },
  });
  expect(readFileSync(target).equals(image)).toBe(true);
  expect(errors).toEqual([expect.stringContaining('its blocks may be those of another version')]);
});
