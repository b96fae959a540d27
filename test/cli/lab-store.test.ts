import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { Lab } from '../support/labs/lab.ts';
import { insertVersions, versionUid } from '../support/labs/rows.ts';
import { ON_SERVERS } from '../support/stores/amount.ts';

// Tests of backups rely on this file, so it runs wherever they run.

const BLOCK = 4096;
const image = noise(3 * BLOCK, 'image');

let lab: Lab;
beforeEach(async () => {
  lab = await Lab.create({ blockSize: BLOCK, workers: 1 });
});
afterEach(() => lab.remove());

test('the program keeps its data in the store that the run is for', async () => {
  const config = readFileSync(lab.path('backy.cfg'), 'utf8');
  expect(config).toMatch(ON_SERVERS ? /engine: postgresql:.*type: s3/s : /engine: sqlite:.*type: file/s);
});

test('blobs are seen, changed and removed behind the program, and a copy does not see that', async () => {
  const uid = await lab.backup(`file://${lab.write('image', image)}`, 'vm');
  const copy = await lab.clone('copied');
  expect(lab.blobs()).toEqual(
    lab
      .blocks(uid)
      .map((row) => row.uid)
      .sort(),
  );
  expect(lab.blobAt(uid, 1).read()).toEqual(image.subarray(BLOCK, 2 * BLOCK));
  lab.blobAt(uid, 1).write(Buffer.from('cut'));
  const { uid: removed } = lab.blobAt(uid, 2);
  lab.blob(removed).remove();
  expect(lab.store.blobSizes().get(lab.blobAt(uid, 1).uid)).toBe(3);
  expect([...lab.store.readBlobs([removed]).keys()]).toEqual([]);
  expect(lab.blobs()).toHaveLength(2);
  expect((await lab.run(['scrub', uid])).code).toBe(20);
  await copy.ok('scrub', uid);
  copy.remove();
});

test('rows are written and read alike, with times and NULL as text has them', async () => {
  const uid = versionUid(1);
  insertVersions(lab, [{ uid, name: 'a', rows: [{ id: 0, uid: null, size: 7 }] }]);
  lab.age({ days: 1, hours: 1 }, uid);
  expect(lab.version(uid)).toMatchObject({ date: '2026-01-01 02:04:05.678901', expire: null, size: 1, size_bytes: 7, valid: 1 });
  expect(lab.blocks(uid)).toEqual([{ version_uid: uid, id: 0, uid: null, checksum: null, size: 7, valid: 1 }]);
  expect(() => lab.query('SELECT nothing FROM versions')).toThrow(/nothing/);
  expect(await lab.ok('-ms', 'ls', '-f', 'date,uid')).toBe(`2026-01-01 02:04:05|${uid}\n`);
});

test('another writer makes the program wait, and readers not', async () => {
  const uid = await lab.backup('null://8kB', 'vm');
  const release = lab.store.holdDatabase();
  let hasEnded = false;
  const waiting = lab.run(['add-tag', uid, 'late']).finally(() => {
    hasEnded = true;
  });
  await lab.ok('ls');
  expect(lab.tags(uid)).not.toContain('late');
  expect(hasEnded).toBe(false);
  release();
  expect(await waiting).toMatchObject({ code: 0 });
  expect(lab.tags(uid)).toContain('late');
});
