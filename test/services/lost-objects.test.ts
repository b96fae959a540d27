import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { expectFailure } from '../support/labs/expect-failure.ts';
import type { Host } from './host.ts';
import { IMAGE_BLOCKS, Installation } from './installation.ts';
import { OBJECT, sharedCluster } from './rbd-cluster.ts';
import { isBlobKey, STORE_PREFIX } from './s3-buckets.ts';

const [DATA_BACKEND, BLOCKS_BAD] = [6, 20];
const cluster = sharedCluster();

let ours: Installation;
let two: Host;
let uid: string;
let snapshot: string;
beforeEach(async () => {
  ours = await Installation.create(cluster);
  two = ours.host('host-two');
  ({ uid, snapshot } = await ours.backUp());
  await cluster.snapshot('create', `${ours.image}@now`);
});
afterEach(() => ours.remove());

const source = () => `${ours.source}@${snapshot}`;
const hintsOfFirstBlock = () => two.write('hints', JSON.stringify([{ offset: 0, length: OBJECT, exists: true }]));
const otherKeys = async () => (await ours.keys()).filter((key) => !key.startsWith(STORE_PREFIX));
const blobKeys = async () => (await ours.keys()).filter(isBlobKey);
const validOf = async () => Object.fromEntries((await two.sharedVersions()).map((version) => [version.uid, version.valid]));
const badRows = () => two.rows("SELECT id FROM blocks WHERE valid <> 1 AND uid <> ''");

describe('when all objects but the one with the id are lost', () => {
  beforeEach(async () => ours.removeKeys(await otherKeys()));

  test('restore continues without marking, and ends with exit code 20 and one line', async () => {
    const before = await ours.everything();
    const { code, stderr } = await two.run(['restore', uid, `file://${two.path('target')}`]);
    expect(code, stderr).toBe(BLOCKS_BAD);
    expect(stderr).toMatch(/Of 20 blobs that were looked for in bucket .*, 20 are missing\. Going on without marking any/);
    expect(stderr).not.toMatch(/Blob is missing/);
    expect(await ours.everything()).toEqual(before);
  });

  test('scrub and repair stop with exit code 6, and mark nothing', async () => {
    const before = await ours.everything();
    for (const words of [
      ['scrub', uid],
      ['scrub', '--all'],
      ['scrub', '--oldest', '100'],
      ['repair', uid, '-s', source()],
    ]) {
      expectFailure(await two.run(words), DATA_BACKEND, /20 are missing\. That is more than damage to single blobs/);
      expect(await ours.everything(), words.join(' ')).toEqual(before);
    }
  });

  test.each<[string, () => string[]]>([
    ['a full backup whose blocks are all known', () => ['backup', source(), 'vm']],
    ['backup -r -f', () => ['backup', '-r', hintsOfFirstBlock(), '-f', uid, source(), 'vm']],
    ['backup --diff-from', () => ['backup', '--diff-from', snapshot, '-f', uid, `${ours.source}@now`, 'vm']],
    ['backup --auto', () => ['backup', '--auto', ours.source, 'vm']],
    ['backup --auto of all images', () => ['backup', '--auto', `rbd://${ours.place}/*`, '{image}']],
  ])('%s ends with exit code 6, removes no snapshot and marks nothing', async (_, args) => {
    const [keys, valid, snapshots] = [await ours.keys(), await validOf(), await ours.snapshots()];
    const { code, stderr } = await two.run(args());
    expect(stderr).toMatch(/That is more than damage to single blobs/);
    expect(code, stderr).toBe(DATA_BACKEND);
    expect(await ours.snapshots()).toEqual(snapshots);
    expect(await ours.keys()).toEqual(keys);
    expect(await badRows()).toEqual([]);
    // The version that was begun is not valid.
    const [[begun, ...others]] = [Object.entries(await validOf()).filter(([version]) => valid[version] === undefined)];
    expect([begun?.[1], others, (await validOf())[uid]]).toEqual([0, [], 1]);
  });

  test('a backup with --accept-damage stores all blocks again, also for the older version', async () => {
    const again = await two.backup('--accept-damage', source(), 'vm');
    expect((await blobKeys()).length).toBe(IMAGE_BLOCKS);
    expect(await validOf()).toEqual({ [uid]: 1, [again]: 1 });
    for (const version of [uid, again]) {
      expect(await two.restoredSha256(version)).toBe(await cluster.sha256(source().replace('rbd://', '')));
      await two.ok('scrub', version);
    }
    // The manifests were lost too.
    expect(await two.ok('-m', 'ls', '--from-store')).toBe(await two.ok('-m', 'ls'));
  });

  test('scrub --accept-damage marks what is lost', async () => {
    expect((await two.run(['scrub', '--accept-damage', uid])).code).toBe(BLOCKS_BAD);
    expect(await validOf()).toEqual({ [uid]: 0 });
    expect(await badRows()).toHaveLength(IMAGE_BLOCKS);
  });
});

describe('when fewer than 16 objects are lost', () => {
  /** Removes 15 of the image's 18 blobs, so that any four of them include a missing one. */
  beforeEach(async () => {
    await cluster.resize(ours.image, 18 * OBJECT);
    await cluster.write(ours.image, 0, noise(18 * OBJECT, 'eighteen'));
    ({ uid, snapshot } = await ours.backUp());
    const rows = await two.rows<{ uid: string }>(`SELECT uid FROM blocks WHERE version_uid = $1 AND id > 2 ORDER BY id`, uid);
    await ours.removeKeys(rows.map((row) => row.uid));
  });

  test('a hinted backup notices at its end, reads their blocks again, and is complete', async () => {
    const { code, stdout, stderr } = await two.run(['backup', '-r', hintsOfFirstBlock(), '-f', uid, source(), 'vm']);
    expect(code, stderr).toBe(0);
    expect(`${stdout}${stderr}`).toMatch(
      /WARNING: 15 blobs that version .* was to share are missing\. Their blocks are read again/,
    );
    const again = (await two.sharedVersions()).at(-1)?.uid ?? '';
    expect(await two.restoredSha256(again)).toBe(await cluster.sha256(source().replace('rbd://', '')));
    await two.ok('scrub', again);
    // The base uses the new blobs, and is complete too.
    await two.ok('scrub', uid);
  });

  test('scrub marks exactly those', async () => {
    expect((await two.run(['scrub', uid])).code).toBe(BLOCKS_BAD);
    expect(await badRows()).toHaveLength(15);
  });
});

describe('when the original has removed the object with the id (cleanup -f takes what its database does not name)', () => {
  const removeId = async () => ours.removeKeys((await ours.keys()).filter((key) => key.startsWith(STORE_PREFIX)));
  beforeEach(removeId);

  test('backup, restore and scrub find the blobs, work, and write the id again', async () => {
    const kept = await ours.keptIds();
    for (const words of [
      ['backup', source(), 'vm'],
      ['restore', uid, `file://${two.path('target')}`],
      ['scrub', uid],
    ]) {
      await removeId();
      expect(await ours.storeIds()).toEqual([]);
      await two.ok(...words);
      expect(await ours.storeIds(), words.join(' ')).toEqual(kept);
      expect(await ours.keptIds()).toEqual(kept);
    }
  });

  test('a cleanup recognises the store by its blobs, works, and does not restore the id', async () => {
    const kept = await ours.keptIds();
    const keys = await otherKeys();
    for (const full of [[], ['-f']]) await two.ok('cleanup', ...full);
    expect(await ours.keys()).toEqual(keys);
    expect(await ours.keptIds()).toEqual(kept);
  });
});
