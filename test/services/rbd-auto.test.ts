import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, inject, test, vi } from 'vitest';
import { checkRestores } from '../support/check-store.ts';
import { documentOf, failureIn } from '../support/json-schemas.ts';
import { type Lab, withLab } from '../support/lab.ts';
import { noise } from '../support/random.ts';
import { OBJECT, RbdCluster } from './rbd-cluster.ts';

// Each test runs many commands.
vi.setConfig({ testTimeout: 240_000 });
const cluster = new RbdCluster(inject('ceph'));
const PREFIX = 'test.auto-';
const TIME = '2026-11-24T08:00:00.123Z';
const LAB = { blockSize: 16384, workers: 1, config: cluster.config({ snapshot_prefix: PREFIX }) };
/** Made by others; some look much like our own. */
const FOREIGN = ['before-upgrade', `${PREFIX}precious`, `${PREFIX}${TIME}-copy`, `x${PREFIX}${TIME}`, `testxauto-${TIME}`];

/** What `--json backup --auto` prints (docs/json/backup-auto.json). */
interface AutoDocument {
  results: {
    image: string;
    name: string;
    dry_run: boolean;
    snapshot: string | null;
    from_snapshot: string | null;
    base_uid: string | null;
    removed_snapshots: string[];
    exit_code: number;
    backup: { uid: string; bytes_read: number; snapshot_name: string } | null;
    errors: { code: string; exit_code: number; message: string }[];
  }[];
}

describe('backup --auto', () => {
  test('backs up in full, then what has changed, been discarded, grown and been cut; others’ snapshots stay', async () => {
    await withImage(async (lab, image) => {
      for (const name of FOREIGN) await cluster.rbd('snap', 'create', '--no-progress', `${image}@${name}`);
      const oracle = new Map<string, string>();
      const changes: [change: () => Promise<unknown>, mostBytes: number][] = [
        [async () => {}, 10 * OBJECT],
        [() => cluster.write(image, 3 * OBJECT - 512, noise(1024, 'change')), 2 * OBJECT],
        [() => cluster.discard(image, 5 * OBJECT, 2 * OBJECT), 0],
        [() => cluster.rbd('resize', '--no-progress', '--size', `${25 * OBJECT + 512}B`, image), 6 * OBJECT],
        [() => cluster.rbd('resize', '--no-progress', '--allow-shrink', '--size', `${8 * OBJECT + 512}B`, image), OBJECT],
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

  test('keeps as many snapshots as it is told to, and names them after the host by default', async () => {
    await withImage(async (lab, image) => {
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
    }, cluster.config());
  });

  test('does nothing in a dry run, and says what it would do', async () => {
    await withImage(async (lab, image) => {
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

  test('reads all of it when the base turns out not to fit, exit code 5', async () => {
    await withImage(async (lab, image) => {
      const uid = await lab.backup('--auto', `rbd://${image}`, 'vm');
      // A database that lies about what the version holds.
      lab.sql('UPDATE blocks SET checksum = ? WHERE version_uid = ?', 'f'.repeat(128), uid);
      const { code, stdout, stderr } = await lab.run(['--json', 'backup', '--auto', `rbd://${image}`, 'vm']);
      const [result] = documentOf<AutoDocument>('backup-auto.json', stdout).results;
      expect(code).toBe(5);
      expect(stderr).toContain(`differs from version ${uid} where nothing has changed`);
      expect(result).toMatchObject({ exit_code: 5, from_snapshot: null, errors: [{ code: 'hintsMismatch' }] });
      expect(await lab.restoredSha256(result?.backup?.uid ?? '')).toBe(await cluster.sha256(image));
      expect(await cluster.snapshots(image)).toEqual([result?.snapshot]);
    });
  });

  test('leaves the snapshots of versions with another name alone', async () => {
    await withImage(async (lab, image) => {
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

  test('tells of a snapshot that can’t be removed, and tries again', async () => {
    await withImage(async (lab, image) => {
      await lab.ok('backup', '--auto', `rbd://${image}`, 'vm');
      const [snapshot = ''] = await cluster.snapshots(image);
      await cluster.rbd('snap', 'protect', `${image}@${snapshot}`);
      const { code, stderr } = await lab.run(['backup', '--auto', `rbd://${image}`, 'vm']);
      expect({ code, stderr }).toEqual({
        code: 100,
        stderr: expect.stringContaining(`Cannot remove snapshot ${image}@${snapshot}: EBUSY (busy)`),
      });
      expect(lab.versions().map(({ valid }) => valid)).toEqual([1, 1]);
      await cluster.rbd('snap', 'unprotect', `${image}@${snapshot}`);
      await lab.ok('backup', '--auto', `rbd://${image}`, 'vm');
      expect(await cluster.snapshots(image)).toHaveLength(1);
    });
  });

  test.each([
    [['--auto', '-s', 'x'], '--auto and -s do not go together.'],
    [['--auto', '--diff-from', 'x'], '--auto and --diff-from do not go together.'],
    [['--auto', '--keep-snapshots', '0'], '--keep-snapshots must be 1 or more'],
    [['--dry-run'], '--dry-run goes with --auto alone.'],
    [['--keep-snapshots', '2'], '--keep-snapshots goes with --auto alone.'],
  ])('%j is wrong usage', async (options, message) => {
    await withLab(LAB, async (lab) => {
      expect(await lab.run(['backup', ...options, 'rbd://vms/x', 'vm'])).toMatchObject({
        code: 2,
        stderr: expect.stringContaining(message),
      });
    });
  });

  test.each([
    ['file:///x', 'needs an RBD image'],
    ['rbd://vms/x@snap', 'makes the snapshots itself'],
    ['rbd://vms/*', 'would be that of every image'],
  ])('so is %s', async (source, message) => {
    await withLab(LAB, async (lab) => {
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
    await cluster.rbd('namespace', 'create', place);
    await withLab(LAB, async (lab) => {
      expect((await auto(lab, `rbd://${place}/*`)).results).toEqual([]);
      for (const name of ['a', 'b', 'c']) await cluster.import(`${place}/${name}`, noise(2 * OBJECT, name));
      const { results } = await auto(lab, `rbd://${place}/*`);
      expect(results.map(({ image, name, exit_code }) => ({ image, name, exit_code }))).toEqual(
        ['a', 'b', 'c'].map((name) => ({ image: `${place}/${name}`, name, exit_code: 0 })),
      );
      // What stands in the way of one: its base does not fit.
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
        await removeImage(`${place}/${name}`);
      }
    });
    await cluster.rbd('namespace', 'remove', place);
  });
});

/** How many times a run is killed, each time later. */
const KILLS = 12;

describe('a run that was killed', () => {
  test('at any time is repaired by the next one', async () => {
    await withImage(async (lab, image) => {
      await cluster.rbd('snap', 'create', '--no-progress', `${image}@foreign`);
      const start = performance.now();
      await lab.ok('backup', '--auto', `rbd://${image}`, 'vm');
      const takesMs = performance.now() - start;
      let killed = 0;
      for (let step = 1; step <= KILLS; step++) {
        await cluster.write(image, step * OBJECT, noise(3 * OBJECT, `${step}`));
        const running = lab.start(['backup', '--auto', `rbd://${image}`, 'vm']);
        await sleep((takesMs * step) / KILLS);
        running.kill('SIGKILL');
        if ((await running.ended).signal === 'SIGKILL') killed++;
        expect((await cluster.snapshots(image)).length, 'snapshots after a kill').toBeLessThanOrEqual(3);
        const [result] = (await auto(lab, `rbd://${image}`, 'vm')).results;
        expect(await cluster.snapshots(image)).toEqual(['foreign', result?.snapshot]);
        expect(await lab.restoredSha256(result?.backup?.uid ?? '')).toBe(await cluster.sha256(image));
      }
      expect(killed).toBeGreaterThan(KILLS / 2);
    });
  }, 180_000);

  test('leaves snapshots, of which the ones without a version go before anything else, and old ones after', async () => {
    await withImage(async (lab, image) => {
      const [first] = (await auto(lab, `rbd://${image}`, 'vm')).results;
      // As if killed right after the snapshot was made, twice; and before the old one was removed, once.
      for (const minute of ['01', '02'])
        await cluster.rbd('snap', 'create', '--no-progress', `${image}@${PREFIX}2026-01-01T00:${minute}:00.000Z`);
      await cluster.rbd('snap', 'create', '--no-progress', `${image}@${PREFIX}2026-01-01T00:03:00.000Z`);
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

  test('or stopped, or whose backup failed, leaves no snapshot of its own', async () => {
    await withImage(async (lab, image) => {
      await lab.ok('backup', '--auto', `rbd://${image}`, 'vm');
      const before = await cluster.snapshots(image);
      await cluster.write(image, 0, noise(10 * OBJECT, 'new'));
      lab.configure({ DataBackend: { bandwidth_write: OBJECT } });
      const running = lab.start(['--json', 'backup', '--auto', `rbd://${image}`, 'vm']);
      await expect.poll(() => lab.versions().length, { timeout: 20_000, interval: 20 }).toBe(2);
      running.kill('SIGTERM');
      const { code, stdout } = await running.ended;
      expect(code).toBe(143);
      expect(failureIn(stdout).error.code).toBe('interrupted');
      expect(await cluster.snapshots(image)).toEqual(before);
      lab.configure({ DataBackend: { path: lab.write('no-folder', '') } });
      const failed = await lab.run(['backup', '--auto', `rbd://${image}`, 'vm']);
      expect(failed).toMatchObject({ code: 6, stderr: expect.stringContaining('the next run begins anew') });
      expect(await cluster.snapshots(image)).toEqual(before);
    });
  });

  test('two at once: one is refused', async () => {
    await withImage(async (lab, image) => {
      lab.configure({ DataBackend: { bandwidth_write: 10 * OBJECT } });
      const running = lab.start(['backup', '--auto', `rbd://${image}`, 'vm']);
      await expect.poll(() => lab.versions().length, { timeout: 20_000, interval: 20 }).toBe(1);
      expect(await lab.run(['backup', '--auto', `rbd://${image}`, 'vm'])).toMatchObject({
        code: 100,
        stderr: expect.stringContaining(`Another run works on image ${image}.`),
      });
      expect(await running.ended).toMatchObject({ code: 0 });
      expect(await cluster.snapshots(image)).toHaveLength(1);
    });
  });
});

async function auto(lab: Lab, ...words: string[]): Promise<AutoDocument> {
  return documentOf<AutoDocument>('backup-auto.json', await lab.ok('--json', 'backup', '--auto', ...words));
}

/** Runs `body` with a lab and an image of 20 objects, the first half of which is written. */
async function withImage(body: (lab: Lab, image: string) => Promise<void>, config = LAB.config): Promise<void> {
  await withLab({ ...LAB, config }, async (lab) => {
    const image = cluster.newImage();
    await cluster.create(image, 20 * OBJECT);
    await cluster.write(image, 0, noise(10 * OBJECT, image));
    await body(lab, image);
    await removeImage(image);
  });
}

async function removeImage(image: string): Promise<void> {
  await cluster.rbd('snap', 'purge', '--no-progress', image);
  await cluster.rbd('rm', '--no-progress', image);
}
