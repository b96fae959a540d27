import { mkdirSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test, vi } from 'vitest';
import { noise } from '../support/images/random.ts';
import { checkRestores } from '../support/labs/check-store.ts';
import { type Lab, withLab } from '../support/labs/lab.ts';
import type { Result } from '../support/program/process.ts';
import { OBJECT, sharedCluster } from './rbd-cluster.ts';

// Each test runs many commands.
vi.setConfig({ testTimeout: 240_000 });
const cluster = sharedCluster();
const SCRIPT = fileURLToPath(new URL('../../docs/scripts/backup-rbd.sh', import.meta.url));
const PREFIX = 'test.script-';
const LAB = { blockSize: 16384, workers: 1, config: cluster.config({ snapshot_prefix: PREFIX }) };

test('docs/scripts/backup-rbd.sh backs up changes of an image and of a clone, with the real rbd', async () => {
  await withLab(LAB, async (lab) => {
    const [image, clone] = [cluster.newImage(), cluster.newImage()];
    await cluster.import(image, Buffer.concat([noise(10 * OBJECT, image), Buffer.alloc(10 * OBJECT)]));
    await cluster.snapshot('create', `${image}@base`);
    await cluster.snapshot('protect', `${image}@base`);
    await cluster.clone(`${image}@base`, clone);
    const changes: ((each: string) => Promise<unknown>)[] = [
      async () => {},
      (each) => cluster.write(each, 3 * OBJECT - 512, noise(1024, each)),
      (each) => cluster.discard(each, 5 * OBJECT - 512, 3 * OBJECT),
      (each) => cluster.resize(each, 25 * OBJECT + 512),
      (each) => cluster.resize(each, 9 * OBJECT + 512),
    ];
    const oracle = new Map<string, string>();
    for (const [round, change] of changes.entries()) {
      for (const each of [image, clone]) await change(each);
      const said = await script(lab, image, clone);
      expect(said).toMatchObject({ code: 0, stderr: '' });
      for (const each of [image, clone]) {
        expect(said.stdout).toContain(`${each}: ${round === 0 ? 'Full backup.' : 'Differential backup, from snapshot'}`);
        const version = lab.versions().findLast(({ name }) => each.endsWith(`/${name}`));
        expect((await cluster.snapshots(each)).filter((name) => name !== 'base')).toEqual([version?.snapshot_name]);
        oracle.set(version?.uid ?? '', await cluster.sha256(each));
      }
    }
    expect(oracle.size).toBe(10);
    await checkRestores(lab, oracle);
    expect(readdirSync(lab.path('tmp'))).toEqual([]);
    await cluster.remove(clone);
    await cluster.snapshot('unprotect', `${image}@base`);
    await cluster.remove(image);
  });
});

test('it and backup --auto build on each other’s backups', async () => {
  await withLab(LAB, async (lab) => {
    const image = cluster.newImage();
    await cluster.create(image, 20 * OBJECT);
    const ways = [
      () => script(lab, image),
      () => lab.run(['backup', '--auto', `rbd://${image}`]),
      () => script(lab, image),
      () => lab.run(['backup', '--auto', `rbd://${image}`]),
    ];
    const oracle = new Map<string, string>();
    for (const [index, run] of ways.entries()) {
      await cluster.write(image, index * OBJECT, noise(OBJECT, `${index}`));
      const { code, stdout, stderr } = await run();
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toContain(index === 0 ? 'Full backup.' : `Differential backup, from snapshot ${PREFIX}2`);
      const newest = lab.versions().at(-1);
      oracle.set(newest?.uid ?? '', await cluster.sha256(image));
      expect(await cluster.snapshots(image)).toEqual([newest?.snapshot_name]);
    }
    await checkRestores(lab, oracle);
    await cluster.remove(image);
  });
});

test('nothing is missed when others made a snapshot while the image was smaller', async () => {
  await withLab(LAB, async (lab) => {
    const image = cluster.newImage();
    const resize = (sizeBytes: number) => cluster.resize(image, sizeBytes);
    await cluster.import(image, noise(20 * OBJECT, image));
    await script(lab, image);
    await resize(3 * OBJECT);
    await cluster.snapshot('create', `${image}@small`);
    await resize(20 * OBJECT);
    const { code, stdout } = await script(lab, image);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('there was one of a smaller image') });
    expect(await lab.restoredSha256(lab.versions().at(-1)?.uid ?? '')).toBe(await cluster.sha256(image));
    await cluster.snapshot('remove', `${image}@small`);
    expect((await script(lab, image)).stdout).toContain('Differential backup, from snapshot');
    await cluster.remove(image);
  });
});

test('an image that does not exist does not prevent backups of the others', async () => {
  await withLab(LAB, async (lab) => {
    const image = cluster.newImage();
    await cluster.create(image, 2 * OBJECT);
    expect(await script(lab, 'vms/none', image)).toMatchObject({ code: 2, stderr: expect.stringContaining('vms/none') });
    expect(await cluster.snapshots(image)).toHaveLength(1);
    expect(lab.versions()).toMatchObject([{ valid: 1 }]);
    await cluster.remove(image);
  });
});

/** Runs the script with the real rbd and the real program, as cron would. */
function script(lab: Lab, ...images: string[]): Promise<Result> {
  mkdirSync(lab.path('tmp'), { recursive: true });
  const bin = fileURLToPath(new URL('../../bin', import.meta.url));
  const env = {
    PATH: `${bin}:${process.env.PATH ?? ''}`,
    CEPH_CONF: cluster.conf,
    BACKY_CONFIGFILE: lab.path('backy.cfg'),
    BACKY_SNAPSHOT_PREFIX: PREFIX,
    BACKY_LOCK_DIR: lab.path('locks'),
    TMPDIR: lab.path('tmp'),
  };
  return lab.startCommand([SCRIPT, ...images], { env }).ended;
}
