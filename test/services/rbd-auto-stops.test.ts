import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, inject, test, vi } from 'vitest';
import { noise } from '../support/images/random.ts';
import { failureIn } from '../support/labs/json-schemas.ts';
import type { Lab } from '../support/labs/lab.ts';
import { Host, sharedDatabase } from './host.ts';
import { auto, autoLab, PREFIX, withImage } from './rbd-auto-lab.ts';
import { OBJECT, sharedCluster } from './rbd-cluster.ts';

// Each test runs many commands, and the cluster needs 30 s to notice that a client was killed.
vi.setConfig({ testTimeout: 600_000 });
const cluster = sharedCluster();

/** How often a run is killed, each time later. */
const KILLS = 12;

describe('a run that was killed', () => {
  test('at any moment is repaired by the next one', async () => {
    await withImage(cluster, async (lab, image) => {
      await cluster.snapshot('create', `${image}@foreign`);
      const first = lab.start(['backup', '--auto', `rbd://${image}`, 'vm']);
      let takesMs = await durationOf(first.ended);
      for (let kills = 0; kills < KILLS; ) {
        await cluster.write(image, kills * OBJECT, noise(3 * OBJECT, `${kills}`));
        const running = lab.start(['backup', '--auto', `rbd://${image}`, 'vm']);
        const ended = durationOf(running.ended);
        await sleep((takesMs * (kills + 1)) / (KILLS + 1));
        running.kill('SIGKILL');
        const ranMs = await ended;
        const wasKilled = (await running.ended).signal === 'SIGKILL';
        // A kill that came too late proves nothing: repeat it with the current duration.
        if (wasKilled) kills++;
        else takesMs = ranMs;
        expect((await cluster.snapshots(image)).length, 'snapshots after a kill').toBeLessThanOrEqual(3);
        const [result] = (await auto(lab, `rbd://${image}`, 'vm')).results;
        expect(await cluster.snapshots(image)).toEqual(['foreign', result?.snapshot]);
        expect(await lab.restoredSha256(result?.backup?.uid ?? '')).toBe(await cluster.sha256(image));
      }
      await cluster.unused(image);
    });
  });

  test('leaves snapshots: the next run first removes those without a version, and old ones later', async () => {
    await withImage(cluster, async (lab, image) => {
      const [first] = (await auto(lab, `rbd://${image}`, 'vm')).results;
      // States after two kills: right after the snapshot was made, and before the old one was
      // removed.
      for (const minute of ['01', '02']) await cluster.snapshot('create', `${image}@${PREFIX}2026-01-01T00:${minute}:00.000Z`);
      await cluster.snapshot('create', `${image}@${PREFIX}2026-01-01T00:03:00.000Z`);
      await lab.backup('-s', `${PREFIX}2026-01-01T00:03:00.000Z`, `rbd://${image}@${PREFIX}2026-01-01T00:03:00.000Z`, 'vm');
      const [second] = (await auto(lab, `rbd://${image}`, 'vm')).results;
      expect(second).toMatchObject({
        from_snapshot: `${PREFIX}2026-01-01T00:03:00.000Z`,
        removed_snapshots: [
          `${PREFIX}2026-01-01T00:01:00.000Z`,
          `${PREFIX}2026-01-01T00:02:00.000Z`,
          first?.snapshot,
          `${PREFIX}2026-01-01T00:03:00.000Z`,
        ],
      });
      expect(await cluster.snapshots(image)).toEqual([second?.snapshot]);
    });
  });
});

describe('a run leaves no snapshot of its own, and keeps the previous one', () => {
  test('when it is stopped, or its backup fails', async () => {
    await withImage(cluster, async (lab, image) => {
      await lab.ok('backup', '--auto', `rbd://${image}`, 'vm');
      const before = await cluster.snapshots(image);
      await cluster.write(image, 0, noise(10 * OBJECT, 'new'));
      lab.configure({ DataBackend: { bandwidth_write: OBJECT } });
      const running = lab.start(['--json', 'backup', '--auto', `rbd://${image}`, 'vm']);
      await versionsToBe(lab, 2);
      running.kill('SIGTERM');
      const { code, stdout } = await running.ended;
      expect(code).toBe(143);
      expect(failureIn(stdout).error.code).toBe('interrupted');
      expect(await cluster.snapshots(image)).toEqual(before);
      // No blob can be written, though the store is available. The stopped run may have written all
      // of its blobs, so the next one gets new data.
      await cluster.write(image, 0, noise(10 * OBJECT, 'newer'));
      lab.configure({});
      rmSync(join(lab.dataPath, '.tmp'), { recursive: true, force: true });
      writeFileSync(join(lab.dataPath, '.tmp'), '');
      const failed = await lab.run(['backup', '--auto', `rbd://${image}`, 'vm']);
      expect(failed).toMatchObject({ code: 6, stderr: expect.stringContaining('The next run starts a new version.') });
      expect(await cluster.snapshots(image)).toEqual(before);
    });
  });

  test('when its locks in the database are lost', async () => {
    const postgres = inject('postgres');
    const { database, dispose } = await sharedDatabase(postgres);
    const { config } = autoLab(cluster);
    const host = new Host('host-one', { postgres, database, config, blockSize: 16384 });
    await host.ok('initdb');
    const image = cluster.newImage();
    await cluster.import(image, noise(10 * OBJECT, image));
    await host.ok('backup', '--auto', `rbd://${image}`, 'vm');
    const before = await cluster.snapshots(image);
    await cluster.write(image, 0, noise(10 * OBJECT, 'new'));
    host.configure({ DataBackend: { bandwidth_write: OBJECT } });
    const running = host.start(['backup', '--auto', `rbd://${image}`, 'vm']);
    await expect.poll(async () => (await host.sharedVersions()).length, { interval: 50 }).toBe(2);
    await host.endLockSessions();
    const { code, stderr } = await running.ended;
    expect({ code, stderr }).toEqual({ code: 100, stderr: expect.stringContaining('the locks between hosts was lost') });
    expect(await cluster.snapshots(image)).toEqual(before);
    expect((await host.sharedVersions()).map(({ valid }) => valid)).toEqual([1, 0]);
    host.configure({});
    const [result] = (await auto(host, `rbd://${image}`, 'vm')).results;
    expect(result).toMatchObject({ from_snapshot: before[0], removed_snapshots: before });
    expect(await host.restoredSha256(result?.backup?.uid ?? '')).toBe(await cluster.sha256(image));
    await cluster.remove(image);
    host.remove();
    await dispose();
  });
});

test('two runs at once: one is refused', async () => {
  await withImage(cluster, async (lab, image) => {
    lab.configure({ DataBackend: { bandwidth_write: OBJECT } });
    const running = lab.start(['backup', '--auto', `rbd://${image}`, 'vm']);
    await versionsToBe(lab, 1);
    expect(await lab.run(['backup', '--auto', `rbd://${image}`, 'vm'])).toMatchObject({
      code: 100,
      stderr: expect.stringContaining(`Another run works on image ${image}.`),
    });
    expect(await running.ended).toMatchObject({ code: 0 });
    expect(await cluster.snapshots(image)).toHaveLength(1);
  });
});

async function versionsToBe(lab: Lab, count: number): Promise<void> {
  await expect.poll(() => lab.versions().length).toBe(count);
}

async function durationOf(ended: Promise<unknown>): Promise<number> {
  const start = performance.now();
  await ended;
  return performance.now() - start;
}
