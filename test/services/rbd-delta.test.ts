import { expect, test, vi } from 'vitest';
import { noise } from '../support/images/random.ts';
import { sha256 } from '../support/images/sha256.ts';
import { expectFailure } from '../support/labs/expect-failure.ts';
import { type Lab, withLab } from '../support/labs/lab.ts';
import { isTurn, shardText } from '../support/runner/rotation.ts';
import { OBJECT, sharedCluster } from './rbd-cluster.ts';
import { STORY_SHARDS } from './stories.ts';

// Each test runs many commands.
vi.setConfig({ testTimeout: 240_000 });
const cluster = sharedCluster();
const BLOCK = 16384;
const LAB = { config: cluster.config(), blockSize: BLOCK };
const SIZE = 40 * OBJECT;
const PER_OBJECT = OBJECT / BLOCK;

interface Counts {
  size: number;
  blocks_kept: number;
  blocks_written: number;
}

async function restored(lab: Lab, ...words: string[]): Promise<Counts> {
  const { code, stdout, stderr } = await lab.run(['--json', 'restore', ...words]);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as Counts;
}

/** An image of 20 objects with data, and 20 that were never written. */
async function newImage(features: string): Promise<string> {
  const image = cluster.newImage();
  await cluster.create(image, SIZE, features);
  await cluster.write(image, 0, noise(20 * OBJECT, image));
  return image;
}

test('restore --delta writes to an image only what differs', () =>
  withLab(LAB, async (lab) => {
    const image = await newImage('layering');
    await cluster.snapshot('create', `${image}@mon`);
    const [uid, sum] = [await lab.backup(`rbd://${image}@mon`, 'vm'), await cluster.sha256(image)];
    await cluster.write(image, 3 * OBJECT - 5, noise(10, 'new'));
    await cluster.write(image, 30 * OBJECT, noise(5, 'where nothing was'));
    const size = SIZE / BLOCK;
    const counts = { size, blocks_kept: size - 3, blocks_written: 3 };
    const before = await cluster.sha256(image);
    expect(await restored(lab, '--delta', '--dry-run', uid, `rbd://${image}`)).toMatchObject({ ...counts, dry_run: true });
    expect(await cluster.sha256(image)).toBe(before);
    expect(await restored(lab, '-f', '--delta', uid, `rbd://${image}`)).toMatchObject(counts);
    expect(await cluster.sha256(image)).toBe(sum);
    expect(await cluster.watchers(image)).toEqual([]);
    const none = `rbd://${image}-none`;
    expectFailure(await lab.run(['restore', '-f', '--delta', uid, none]), 1, `Target ${none} is new or empty`);
    await cluster.remove(image);
  }));

/** Changes of an image after its snapshots. */
const CHANGES: [name: string, change: (image: string) => Promise<unknown>][] = [
  ['nothing', async () => {}],
  ['writes', (image) => cluster.write(image, 3 * OBJECT - 512, noise(1024, 'w'))],
  ['discards of whole objects and of parts', (image) => cluster.discard(image, 5 * OBJECT - 4096, 3 * OBJECT)],
  ['writes where nothing was', (image) => cluster.write(image, 33 * OBJECT + 7, noise(OBJECT, 'x'))],
  [
    'a cut, and growth to the old size',
    async (image) => {
      await cluster.resize(image, 9 * OBJECT + 512);
      await cluster.resize(image, SIZE);
    },
  ],
  [
    'growth, and writes at the new end',
    (image) => cluster.resize(image, SIZE + OBJECT).then(() => cluster.write(image, SIZE - 9, noise(99, 'y'))),
  ],
];

/** An image with a protected snapshot `base`. */
async function newParent(): Promise<string> {
  const parent = await newImage('layering');
  await cluster.snapshot('create', `${parent}@base`);
  await cluster.snapshot('protect', `${parent}@base`);
  return parent;
}

async function removeParent(parent: string): Promise<void> {
  await cluster.snapshot('unprotect', `${parent}@base`);
  await cluster.remove(parent);
}

/** Features, or a clone. Each run has a third of them. */
const KINDS = ['layering,exclusive-lock,object-map,fast-diff', 'layering', 'a parent'];

test.each(KINDS.filter((_, kind) => isTurn(kind, STORY_SHARDS)))(
  `restore --delta-from gives any version back, whatever happened to an image with %s (${shardText(STORY_SHARDS)})`,
  (features) =>
    withLab(LAB, async (lab) => {
      const parent = features === 'a parent' ? await newParent() : undefined;
      const image = parent === undefined ? await newImage(features) : cluster.newImage();
      if (parent !== undefined) await cluster.clone(`${parent}@base`, image);
      await cluster.snapshot('create', `${image}@mon`);
      const mon = { uid: await lab.backup('-s', 'mon', `rbd://${image}@mon`, 'vm'), sum: await cluster.sha256(`${image}@mon`) };
      await cluster.write(image, 7 * OBJECT, noise(2 * OBJECT, 'tuesday'));
      await cluster.discard(image, 12 * OBJECT, OBJECT);
      await cluster.snapshot('create', `${image}@tue`);
      const tue = { uid: await lab.backup('-s', 'tue', `rbd://${image}@tue`, 'vm'), sum: await cluster.sha256(`${image}@tue`) };
      for (const [name, change] of CHANGES) {
        for (const [{ uid, sum }, from] of [
          [mon, 'tue'],
          [tue, 'tue'],
          [mon, 'mon'],
        ] as const) {
          await change(image);
          await restored(lab, '-f', '--delta-from', from, uid, `rbd://${image}`);
          expect(sha256((await cluster.read(image)).subarray(0, SIZE)), `${name}, then a restore since ${from}`).toBe(sum);
        }
      }
      // All objects that ever changed have changed since both snapshots.
      const { blocks_written: written } = await restored(lab, '-f', '--delta-from', 'tue', tue.uid, `rbd://${image}`);
      expect(written).toBe(3 * PER_OBJECT);
      await cluster.remove(image);
      if (parent !== undefined) await removeParent(parent);
    }),
);

test('restore --delta-from refuses snapshots that do not exist, are unknown, or are of another image', () =>
  withLab(LAB, async (lab) => {
    const [image, other] = [await newImage('layering'), await newImage('layering')];
    for (const each of [image, other]) await cluster.snapshot('create', `${each}@mon`);
    await cluster.snapshot('create', `${image}@unknown`);
    const uid = await lab.backup('-s', 'mon', `rbd://${image}@mon`, 'vm');
    const gone = await lab.backup('-s', 'gone', `rbd://${image}@mon`, 'vm');
    const since = (from: string, version: string, target: string) =>
      lab.run(['restore', '-f', '--delta-from', from, version, `rbd://${target}`]);
    expectFailure(await since('gone', gone, image), 100, 'There is no snapshot "gone" of image');
    expectFailure(await since('unknown', uid, image), 100, 'There is no valid version of "vm" with snapshot "unknown"');
    const before = await cluster.sha256(other);
    expectFailure(await since('mon', uid, other), 5, 'where nothing has changed since snapshot "mon": block ');
    expect(await cluster.sha256(other)).toBe(before);
    expect(sha256(noise(20 * OBJECT, other))).toBe(sha256((await cluster.read(other)).subarray(0, 20 * OBJECT)));
    for (const each of [image, other]) await cluster.remove(each);
  }));
