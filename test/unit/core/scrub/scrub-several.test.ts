import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { BadBlockRecorder } from '../../../../src/core/blocks/bad-blocks.ts';
import { scrubSeveral } from '../../../../src/core/scrub/scrub-several.ts';
import { checkStore } from '../../../../src/core/store/check-store.ts';
import { newBlobUid } from '../../../../src/data/blob-uid.ts';
import { blobPath } from '../../../../src/data/file/blob-paths.ts';
import { silentLogger } from '../../../../src/logger.ts';
import type { BackupRow } from '../../../../src/model/block.ts';
import { BLOCK_SIZE, CoreLab } from '../../../support/labs/core-lab.ts';

const BLOBS = 20;

let lab: CoreLab;
let lines: string[];
beforeEach(async () => {
  lab = await CoreLab.create();
  await checkStore(lab.context);
  lines = [];
});
afterEach(() => lab.dispose());

const context = () => {
  const say = (text: string) => lines.push(text);
  return { ...lab.context, random: Math.random, logger: { ...silentLogger, info: say, error: say } };
};

const newRow = (_: unknown, id: number): BackupRow => {
  const uid = newBlobUid();
  return { id, uid, checksum: 'ab'.repeat(64), size: BLOCK_SIZE, encVersion: 0, envKey: null, nonce: null, found: false };
};
const rowsOf = () => Array.from({ length: BLOBS }, newRow);

test('a store without any blob is one error, however many versions there are', async () => {
  for (const uid of ['v1', 'v2', 'v3']) await lab.wholeVersion(uid, rowsOf());
  const error = {
    code: 'massDamage',
    message: expect.stringContaining('Of 60 blobs'),
    hint: expect.stringContaining('--accept'),
  };
  await expect(scrubSeveral(context(), { filter: {}, percent: 100, acceptDamage: false })).rejects.toMatchObject(error);
  expect(lines).toEqual([]);
});

test('a store with a few blobs has an error for each version that lacks too many', async () => {
  const versions = [rowsOf(), rowsOf()];
  for (const [at, rows] of versions.entries()) {
    await lab.wholeVersion(`v${at}`, rows);
    const path = blobPath(lab.dataPath, rows[0]?.uid ?? '');
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, 'bytes');
  }
  const { results, damaged } = await scrubSeveral(context(), { filter: {}, percent: 100, acceptDamage: false });
  expect([results.length, damaged.length]).toEqual([0, 2]);
  expect(lines).toEqual([expect.stringContaining('was not scrubbed'), expect.stringContaining('was not scrubbed')]);
});

describe('damage in the database', () => {
  const several = (filter = {}) => scrubSeveral(context(), { filter, percent: 100, acceptDamage: true });

  beforeEach(async () => {
    await lab.wholeVersion('v1', []);
    await lab.wholeVersion('v2', rowsOf());
    lab.sql("UPDATE blocks SET uid = NULL WHERE version_uid = 'v2' AND id = 3");
  });

  test('is looked for by a scrub of all versions; its version is invalid, and not scrubbed', async () => {
    const { results, findings } = await several();
    expect(findings).toBe(1);
    const done = results.map(({ uid, complete, blocksChecked }) => ({ uid, complete, blocksChecked }));
    expect(done).toEqual([
      { uid: 'v1', complete: true, blocksChecked: 0 },
      { uid: 'v2', complete: false, blocksChecked: 0 },
    ]);
    expect(lines).toContain('Version v2 (vm), block 3: it has a checksum, but names no blob.');
    expect((await lab.version('v2')).valid).toBe(false);
  });

  test('is not looked for by a scrub of some versions', async () => {
    await lab.meta.addTags('v1', ['t']);
    lab.sql('INSERT INTO backy2_doomed SELECT uid, 1 FROM blocks WHERE id = 5');
    expect(await several({ tag: 't' })).toMatchObject({ findings: 0, results: [{ uid: 'v1' }] });
    expect(lines.join()).not.toMatch(/names no blob|about to delete/);
  });

  test('that belongs to no version is found', async () => {
    lab.sql('UPDATE blocks SET valid = 1; INSERT INTO backy2_doomed SELECT uid, 1 FROM blocks WHERE id = 5');
    expect((await several()).findings).toBe(2);
    expect(lines[0]).toContain('Version v2 (vm), block 5: a cleanup is about to delete its blob');
  });
});

test('lost blobs are marked together, and each version once', async () => {
  const rows = rowsOf().slice(0, 3);
  const version = await lab.wholeVersion('v1', rows);
  const { meta, logger } = context();
  const marking = vi.spyOn(meta, 'markBlobsInvalid');
  const recorder = new BadBlockRecorder({ meta, logger, version, during: 'scrub', guard: lab.guard('goOn', 'v1') });
  const findings = rows.map(({ id }) => ({ id, problem: 'checksum' as const, actual: 'x' }));
  for (const finding of findings) await recorder.record([finding], []);
  await recorder.record(findings, []);
  expect(recorder.affectedVersions.size).toBe(0);
  await recorder.settle();
  expect(marking).toHaveBeenCalledTimes(1);
  expect([...recorder.affectedVersions]).toEqual(['v1']);
  expect(lines.filter((line) => line.startsWith('Marked version invalid'))).toEqual(['Marked version invalid (UID v1)']);
  expect(lines.filter((line) => line.startsWith('Marked block invalid'))).toHaveLength(3);
});
