import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { adoptVersions } from '../../../../src/core/catalogue/adopt.ts';
import { forgetManifest } from '../../../../src/core/catalogue/forget.ts';
import { cleanupFast, cleanupFull } from '../../../../src/core/upkeep/cleanup.ts';
import { removeVersion } from '../../../../src/core/versions/remove-version.ts';
import { FileBackend } from '../../../../src/data/file/file-backend.ts';
import { LAYOUTS } from '../../../../src/model/layout.ts';
import { CatalogueLab } from '../../../support/labs/catalogue-lab.ts';

const FAST = { dangerousForce: false, prefix: '' };
const FULL = { prefix: '', yesDelete: 1_000_000 };

let lab: CatalogueLab;
afterEach(() => lab.dispose());

const rm = (uid: string) => removeVersion(lab.context, uid, true);
const uidsOf = async () => [...(await lab.stored()).keys()].sort();

function passHours(hours: number): void {
  lab.core.now = new Date(lab.core.now.getTime() + hours * 3600_000);
}

async function blobs(): Promise<number> {
  const backend = new FileBackend({ type: 'file', path: lab.core.dataPath, durable: false });
  let count = 0;
  for await (const _ of backend.list('')) count++;
  await backend.close();
  return count;
}

/** Another program removes a version, and records nothing; an older database does the same. */
async function vanish(uid: string): Promise<void> {
  await lab.core.meta.removeVersion(uid, () => {});
  lab.core.sql('DELETE FROM backy2_catalogue WHERE removed IS NOT NULL');
}

describe.each(LAYOUTS)('with the layout %s', (layout) => {
  beforeEach(async () => {
    lab = await CatalogueLab.create(layout);
  });

  it('a cleanup deletes the manifest of a removed version after an hour, and keeps leaves that others have', async () => {
    const base = await lab.backup([0, 700, 1200]);
    const next = await lab.backup([701], { baseUid: base, content: 'y' });
    await rm(base);
    await cleanupFast(lab.context, FAST);
    expect(await uidsOf()).toEqual([base, next].sort());
    expect((await lab.storedVersion(base)).isRemoved).toBe(true);
    passHours(2);
    await cleanupFast(lab.context, FAST);
    expect(await uidsOf()).toEqual([next]);
    expect((await lab.storedVersion(next)).rows).toEqual(await lab.rows(next));
    // One leaf was the base's alone.
    expect(lab.objects('leaves')).toHaveLength(new Set((await lab.storedVersion(next)).leaves).size);
    expect([lab.objects('lists').length, lab.objects('removed')]).toEqual([1, []]);
    expect(await lab.core.meta.removedManifests()).toEqual([]);
  });

  it('no manifest outlives the blobs of its version: a full cleanup deletes both at once', async () => {
    const uid = await lab.backup([0, 700]);
    await rm(uid);
    await cleanupFull(lab.context, FULL);
    expect([await blobs(), await uidsOf(), lab.objects('leaves')]).toEqual([0, [], []]);
  });

  it.each([
    ['fast', async () => cleanupFast(lab.context, { ...FAST, dangerousForce: true })],
    ['full', async () => cleanupFull(lab.context, FULL)],
  ])(
    'a %s cleanup keeps the blobs of versions that only the catalogue has, until they are adopted or forgotten',
    async (_, cleanup) => {
      const [lost, other] = [await lab.backup([0, 700]), await lab.backup([5], { content: 'y', name: 'other' })];
      await vanish(lost);
      await rm(other);
      await cleanup();
      expect(await blobs()).toBe(2);
      expect(lab.warnings).toEqual([
        expect.stringMatching(`^The catalogue has versions that the database lacks: ${lost} \\(vm\\). Their blobs are kept`),
      ]);
      expect(await lab.core.meta.leftDoomed(10)).toEqual([]);
      const { adopted } = await adoptVersions(lab.context);
      expect(adopted).toEqual([{ uid: lost, name: 'vm', blocks: 1700, blocksMissing: 0, blocksLost: 0, valid: true }]);
      await lab.flush();
      const { head, rows } = await lab.storedVersion(lost);
      expect([head.version, rows]).toEqual([await lab.core.meta.findVersion(lost), await lab.rows(lost)]);
      await vanish(lost);
      await forgetManifest(lab.context, lost);
      await cleanup();
      expect([await blobs(), await uidsOf()]).toEqual([0, []]);
    },
  );
});

describe('a cleanup', () => {
  beforeEach(async () => {
    lab = await CatalogueLab.create();
  });

  it('deletes nothing while a version that only the catalogue has can’t be read', async () => {
    const uid = await lab.backup([0]);
    await vanish(uid);
    const [leaf = ''] = lab.objects('leaves');
    const folder = (await lab.storedVersion(uid)).head.list.split('/').at(-2) ?? '';
    rmSync(join(lab.core.dataPath, 'backy2-catalogue', 'leaves', folder, leaf));
    const refused = { code: 'refused', message: expect.stringContaining('Nothing was deleted.') };
    await expect(cleanupFull(lab.context, FULL)).rejects.toMatchObject(refused);
    await expect(cleanupFast(lab.context, { ...FAST, dangerousForce: true })).rejects.toMatchObject(refused);
    expect(await blobs()).toBe(1);
  });

  it('writes the catalogue again that another program has deleted', async () => {
    const uid = await lab.backup([0]);
    rmSync(join(lab.core.dataPath, 'backy2-catalogue'), { recursive: true });
    await cleanupFast(lab.context, FAST);
    await lab.flush();
    expect((await lab.storedVersion(uid)).rows).toEqual(await lab.rows(uid));
    expect(lab.warnings).toEqual([expect.stringMatching(/^The catalogue has lost 1 of 1 versions/)]);
  });

  it('waits for a command that writes a manifest from before the removal', async () => {
    const uid = await lab.backup([0]);
    await lab.core.meta.addTags(uid, ['later']);
    let cleanup: Promise<unknown> | undefined;
    const listStats = async () => {
      await rm(uid);
      cleanup = cleanupFast(lab.context, { ...FAST, dangerousForce: true });
      await Promise.race([cleanup, sleep(200)]);
      return [];
    };
    await lab.flush(lab.withMeta({ listStats }));
    await cleanup;
    expect([await uidsOf(), lab.objects('lists'), lab.objects('leaves'), lab.objects('removed')]).toEqual([[], [], [], []]);
    expect(await blobs()).toBe(0);
  });

  it('deletes a marker that came after its manifest had gone, and none that a manifest needs', async () => {
    const [gone, unrecorded] = [await lab.backup([0]), await lab.backup([1], { name: 'other' })];
    await rm(gone);
    passHours(2);
    await cleanupFast(lab.context, FAST);
    await vanish(unrecorded);
    const markers = join(lab.core.dataPath, 'backy2-catalogue/removed');
    mkdirSync(markers, { recursive: true });
    for (const uid of [gone, unrecorded]) writeFileSync(join(markers, `${uid}-1700000000`), 'removed\n');
    await cleanupFast(lab.context, FAST);
    expect(lab.objects('removed')).toEqual([`${unrecorded}-1700000000`]);
    expect(lab.warnings).toEqual([]);
  });

  it('forgets no version that the database has', async () => {
    const uid = await lab.backup([0]);
    await expect(forgetManifest(lab.context, uid)).rejects.toMatchObject({ code: 'refused' });
    await expect(forgetManifest(lab.context, 'unknown')).rejects.toMatchObject({ code: 'notFound' });
    expect(await uidsOf()).toEqual([uid]);
  });
});
