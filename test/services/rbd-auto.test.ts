import { hostname } from 'node:os';
import { describe, expect, test, vi } from 'vitest';
import { noise } from '../support/images/random.ts';
import { checkRestores } from '../support/labs/check-store.ts';
import { documentOf, failureIn } from '../support/labs/json-schemas.ts';
import { withLab } from '../support/labs/lab.ts';
import { type AutoDocument, auto, autoLab, PREFIX, withImage } from './rbd-auto-lab.ts';
import { OBJECT, sharedCluster } from './rbd-cluster.ts';

// Each test runs many commands.
vi.setConfig({ testTimeout: 240_000 });
const cluster = sharedCluster();
const TIME = '2026-11-24T08:00:00.123Z';
/** Snapshots of others; some look much like our own. */
const FOREIGN = ['before-upgrade', `${PREFIX}precious`, `${PREFIX}${TIME}-copy`, `x${PREFIX}${TIME}`, `testxauto-${TIME}`];

describe('backup --auto', () => {
  test('backs up in full, then what was changed, discarded, grown and cut; others’ snapshots stay', async () => {
    await withImage(cluster, async (lab, image) => {
      for (const name of FOREIGN) await cluster.snapshot('create', `${image}@${name}`);
      const oracle = new Map<string, string>();
      const changes: [change: () => Promise<unknown>, mostBytes: number][] = [
        [async () => {}, 10 * OBJECT],
        [() => cluster.write(image, 3 * OBJECT - 512, noise(1024, 'change')), 2 * OBJECT],
        [() => cluster.discard(image, 5 * OBJECT, 2 * OBJECT), 0],
        [() => cluster.resize(image, 25 * OBJECT + 512), 6 * OBJECT],
        [() => cluster.resize(image, 8 * OBJECT + 512), OBJECT],
      ];
      let before: AutoDocument['results'][number] | undefined;
      for (const [change, mostBytes] of changes) {
        await change();
        const [result, ...others] = (await auto(lab, `rbd://${image}`, 'vm')).results;
        expect(others).toEqual([]);
        expect(result).toMatchObject({
          ...{ image, name: 'vm', dry_run: false, exit_code: 0, errors: [] },
          from_snapshot: before?.snapshot ?? null,
          base_uid: before?.backup?.uid ?? null,
          removed_snapshots: before === undefined ? [] : [before.snapshot],
          backup: { snapshot_name: result?.snapshot },
        });
        expect(result?.backup?.bytes_read).toBeLessThanOrEqual(mostBytes);
        expect(await cluster.snapshots(image)).toEqual([...FOREIGN, result?.snapshot]);
        oracle.set(result?.backup?.uid ?? '', await cluster.sha256(image));
        before = result;
      }
      await checkRestores(lab, oracle);
    });
  });

  test('keeps the given number of snapshots, and names them after the host by default', async () => {
    await withImage(
      cluster,
      async (lab, image) => {
        const args = ['backup', '--auto', '--keep-snapshots', '3', `rbd://${image}`];
        for (let run = 0; run < 5; run++) await lab.ok(...args);
        const names = await cluster.snapshots(image);
        expect(names).toHaveLength(3);
        for (const name of names) expect(name.startsWith(`backy2-${hostname()}-2`)).toBe(true);
        expect(
          lab
            .versions()
            .map(({ name, snapshot_name }) => ({ name, snapshot_name }))
            .slice(-3),
        ).toEqual(names.map((snapshot_name) => ({ name: image.split('/')[1], snapshot_name })));
        await lab.ok('backup', '--auto', `rbd://${image}`);
        expect(await cluster.snapshots(image)).toHaveLength(1);
      },
      cluster.config(),
    );
  });

  test('warns of a snapshot of its own that is dated in the future', async () => {
    await withImage(cluster, async (lab, image) => {
      const ahead = `${PREFIX}2130-01-02T03:04:05.678Z`;
      await cluster.snapshot('create', `${image}@${ahead}`);
      await lab.ok('backup', '--auto', `rbd://${image}`, 'vm');
      expect(lab.log()).toContain(`${image}: Snapshot ${ahead} is dated in the future. Check the clocks of all hosts.`);
    });
  });

  test('changes nothing in a dry run, and prints its plan', async () => {
    await withImage(cluster, async (lab, image) => {
      const first = await auto(lab, '--dry-run', `rbd://${image}`, 'vm');
      expect(first.results).toMatchObject([
        { dry_run: true, snapshot: null, from_snapshot: null, backup: null, removed_snapshots: [] },
      ]);
      expect(await cluster.snapshots(image)).toEqual([]);
      expect(lab.versions()).toEqual([]);
      await lab.ok('backup', '--auto', `rbd://${image}`, 'vm');
      const [snapshot = ''] = await cluster.snapshots(image);
      const before = lab.dump();
      const said = await lab.ok('backup', '--auto', '--dry-run', `rbd://${image}`, 'vm');
      expect(said).toContain(`${image}: Would back up what has changed since snapshot ${snapshot}.`);
      expect(said).toContain(`${image}: Would remove snapshot ${snapshot}.`);
      expect(await cluster.snapshots(image)).toEqual([snapshot]);
      expect(lab.dump()).toEqual(before);
    });
  });

  test('reads all of a striped image at first, and later the changes', async () => {
    await withLab(autoLab(cluster), async (lab) => {
      const image = cluster.newImage();
      const stripes = ['--stripe-unit', `${OBJECT / 4}B`, '--stripe-count', '4', '--object-size', `${OBJECT}B`];
      await cluster.rbd('create', '--size', `${20 * OBJECT}B`, ...stripes, image);
      await cluster.write(image, 0, noise(8 * OBJECT, image));
      const oracle = new Map<string, string>();
      for (const bytesRead of [20 * OBJECT, expect.any(Number)]) {
        const [result] = (await auto(lab, `rbd://${image}`, 'vm')).results;
        expect(result).toMatchObject({ exit_code: 0, backup: { bytes_read: bytesRead } });
        oracle.set(result?.backup?.uid ?? '', await cluster.sha256(image));
        await cluster.write(image, 9 * OBJECT + 512, noise(OBJECT, `${image} 1`));
      }
      await checkRestores(lab, oracle);
      await cluster.remove(image);
    });
  });

  test('reads everything when the base turns out not to fit, exit code 5', async () => {
    await withImage(cluster, async (lab, image) => {
      const uid = await lab.backup('--auto', `rbd://${image}`, 'vm');
      // A database with a wrong checksum for a block.
      lab.sql('UPDATE blocks SET checksum = ? WHERE version_uid = ?', 'f'.repeat(128), uid);
      const { code, stdout, stderr } = await lab.run(['--json', 'backup', '--auto', `rbd://${image}`, 'vm']);
      const [result] = documentOf<AutoDocument>('backup-auto.json', stdout).results;
      expect(code).toBe(5);
      expect(stderr).toContain(`differs from version ${uid} where nothing has changed`);
      expect(result).toMatchObject({ exit_code: 5, from_snapshot: null, errors: [{ code: 'hintsMismatch' }] });
      // No list is trusted then, not even the list of used objects.
      expect(result?.backup?.bytes_read).toBe(20 * OBJECT);
      expect(await lab.restoredSha256(result?.backup?.uid ?? '')).toBe(await cluster.sha256(image));
      expect(await cluster.snapshots(image)).toEqual([result?.snapshot]);
    });
  });

  test('backs up an image of no bytes, and builds on it', async () => {
    await withImage(cluster, async (lab, image) => {
      const resize = (sizeBytes: number) => cluster.resize(image, sizeBytes);
      const oracle = new Map<string, string>();
      for (const sizeBytes of [0, undefined, 20 * OBJECT, 0]) {
        if (sizeBytes !== undefined) await resize(sizeBytes);
        const [result] = (await auto(lab, `rbd://${image}`, 'vm')).results;
        expect(result).toMatchObject({ exit_code: 0, from_snapshot: oracle.size === 0 ? null : expect.any(String) });
        expect(await cluster.snapshots(image)).toEqual([result?.snapshot]);
        oracle.set(result?.backup?.uid ?? '', await cluster.sha256(image));
      }
      await checkRestores(lab, oracle);
    });
  });

  test('misses nothing when others made a snapshot while the image was smaller', async () => {
    await withImage(cluster, async (lab, image) => {
      const resize = (sizeBytes: number) => cluster.resize(image, sizeBytes);
      await lab.ok('backup', '--auto', `rbd://${image}`, 'vm');
      await resize(2 * OBJECT);
      await cluster.snapshot('create', `${image}@small`);
      await resize(20 * OBJECT);
      const [result] = (await auto(lab, `rbd://${image}`, 'vm')).results;
      expect(result).toMatchObject({ exit_code: 0, from_snapshot: expect.any(String) });
      expect(await lab.restoredSha256(result?.backup?.uid ?? '')).toBe(await cluster.sha256(image));
    });
  });

  test('leaves the snapshots of versions with another name alone', async () => {
    await withImage(cluster, async (lab, image) => {
      await lab.ok('backup', '--auto', `rbd://${image}`, 'one');
      await lab.ok('backup', '--auto', `rbd://${image}`, 'two');
      await lab.ok('backup', '--auto', `rbd://${image}`, 'one');
      expect((await cluster.snapshots(image)).sort()).toEqual(
        lab
          .versions()
          .slice(-2)
          .map(({ snapshot_name }) => snapshot_name)
          .sort(),
      );
    });
  });

  test('reports a snapshot that can’t be removed, and tries again', async () => {
    await withImage(cluster, async (lab, image) => {
      await lab.ok('backup', '--auto', `rbd://${image}`, 'vm');
      const [snapshot = ''] = await cluster.snapshots(image);
      await cluster.snapshot('protect', `${image}@${snapshot}`);
      const { code, stderr } = await lab.run(['backup', '--auto', `rbd://${image}`, 'vm']);
      expect({ code, stderr }).toEqual({
        code: 100,
        stderr: expect.stringContaining(`Cannot remove snapshot ${image}@${snapshot}: EBUSY (busy)`),
      });
      expect(lab.versions().map(({ valid }) => valid)).toEqual([1, 1]);
      await cluster.snapshot('unprotect', `${image}@${snapshot}`);
      await lab.ok('backup', '--auto', `rbd://${image}`, 'vm');
      expect(await cluster.snapshots(image)).toHaveLength(1);
    });
  });

  test.each([
    [['--auto', '-s', 'x'], '--auto cannot be combined with -s.'],
    [['--auto', '--diff-from', 'x'], '--auto cannot be combined with --diff-from.'],
    [['--auto', '--keep-snapshots', '0'], '--keep-snapshots must be 1 or more'],
    [['--dry-run'], '--dry-run needs --auto.'],
    [['--keep-snapshots', '2'], '--keep-snapshots needs --auto.'],
  ])('%j is wrong usage', async (options, message) => {
    await withLab(autoLab(cluster), async (lab) => {
      expect(await lab.run(['backup', ...options, 'rbd://vms/x', 'vm'])).toMatchObject({
        code: 2,
        stderr: expect.stringContaining(message),
      });
    });
  });

  test.each([
    ['file:///x', 'needs an RBD image'],
    ['rbd://vms/x@snap', 'needs an RBD image without a snapshot'],
    ['rbd://vms/*', 'would be the same for all images'],
  ])('so is %s', async (source, message) => {
    await withLab(autoLab(cluster), async (lab) => {
      const { code, stderr, stdout } = await lab.run(['--json', 'backup', '--auto', source, 'vm']);
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(message) });
      expect(failureIn(stdout).error.code).toBe('usage');
    });
  });
});

describe('backup --auto of a pool', () => {
  test('backs up image by image; the worst exit code counts', async () => {
    const [pool = ''] = cluster.newImage().split('/');
    const place = `${pool}/auto`;
    await cluster.namespace('create', place);
    await withLab(autoLab(cluster), async (lab) => {
      expect((await auto(lab, `rbd://${place}/*`)).results).toEqual([]);
      for (const name of ['a', 'b', 'c']) await cluster.import(`${place}/${name}`, noise(2 * OBJECT, name));
      const { results } = await auto(lab, `rbd://${place}/?`);
      expect(results.map(({ image, name, exit_code }) => ({ image, name, exit_code }))).toEqual(
        ['a', 'b', 'c'].map((name) => ({ image: `${place}/${name}`, name, exit_code: 0 })),
      );
      // Its base does not fit, so it fails.
      lab.sql('UPDATE blocks SET checksum = ? WHERE version_uid = ?', 'f'.repeat(128), results[1]?.backup?.uid ?? '');
      const again = await lab.run(['--json', 'backup', '--auto', `rbd://${place}/*`]);
      expect(again.code).toBe(5);
      const codes = documentOf<AutoDocument>('backup-auto.json', again.stdout).results.map(({ exit_code }) => exit_code);
      expect(codes).toEqual([0, 5, 0]);
      await lab.ok('backup', '--auto', `rbd://${place}/*`, '{pool}-{namespace}-{image}');
      expect(
        lab
          .versions()
          .slice(-3)
          .map(({ name }) => name),
      ).toEqual(['a', 'b', 'c'].map((name) => `${pool}-auto-${name}`));
      for (const name of ['a', 'b', 'c']) {
        expect(await lab.restoredSha256(lab.versions().findLast((version) => version.name === name)?.uid ?? '')).toBe(
          await cluster.sha256(`${place}/${name}`),
        );
        await cluster.remove(`${place}/${name}`);
      }
    });
    await cluster.namespace('remove', place);
  });
});
