import { describe, expect, test, vi } from 'vitest';
import { noise } from '../support/images/random.ts';
import { checkRestores } from '../support/labs/check-store.ts';
import { type Lab, withLab } from '../support/labs/lab.ts';
import { isTurn, shardText } from '../support/runner/rotation.ts';
import { auto, autoLab } from './rbd-auto-lab.ts';
import { OBJECT, sharedCluster } from './rbd-cluster.ts';
import { STORY_SHARDS } from './stories.ts';

// Each test runs many commands.
vi.setConfig({ testTimeout: 240_000 });
const cluster = sharedCluster();
const SIZE = 20 * OBJECT;

/** Backs up an image, with the previous backup as base if possible. @returns the version's uid. */
type Backup = (lab: Lab, image: string, round: number) => Promise<string>;

const WAYS: [name: string, way: Backup][] = [
  ['--auto', async (lab, image) => (await auto(lab, `rbd://${image}`, 'vm')).results[0]?.backup?.uid ?? ''],
  [
    '--diff-from',
    async (lab, image, round) => {
      await cluster.snapshot('create', `${image}@s${round}`);
      const from = round === 0 ? ['-s', 's0'] : ['--diff-from', `s${round - 1}`];
      return lab.backup(...from, `rbd://${image}@s${round}`, 'vm');
    },
  ],
];

const CHANGES: ((image: string) => Promise<unknown>)[] = [
  async () => {},
  (image) => cluster.write(image, 3 * OBJECT - 512, noise(1024, `${image} 1`)),
  (image) => cluster.write(image, 10 * OBJECT, noise(OBJECT, `${image} 3`)),
  // The data written over the parent's disappears again, and the diff must show that. Ceph 16.2.15
  // lists it as data.
  (image) => cluster.snapshot('rollback', `${image}@start`),
  (image) => cluster.discard(image, 5 * OBJECT - 512, 3 * OBJECT),
  (image) => resize(image, 25 * OBJECT + 512),
  async (image) => {
    await resize(image, 12 * OBJECT + 512);
    await resize(image, SIZE);
  },
  // Overwrites the data that flattening has copied.
  async (image) => {
    await cluster.flatten(image);
    await cluster.discard(image, 9 * OBJECT, 2 * OBJECT);
  },
  (image) => cluster.write(image, 9 * OBJECT, noise(OBJECT, `${image} 2`)),
];

const FEATURES = [
  'layering,exclusive-lock,object-map,fast-diff,deep-flatten',
  'layering,exclusive-lock,object-map,fast-diff',
  'layering',
];

/** Each run has a third: every way with other features. Runs at three commits in a row have all. */
const STORIES = WAYS.map(([name, way], index) => ({
  name,
  way,
  features: FEATURES.filter((_, kind) => isTurn(index + kind, STORY_SHARDS)),
}));

describe.each(STORIES)(`backups of a clone with $name, ${shardText(STORY_SHARDS)},`, ({ way, features: due }) => {
  test.each(due)('restore after any change of it, with features %s', async (features) => {
    const [parent, image] = [cluster.newImage(), cluster.newImage()];
    await cluster.import(parent, Buffer.concat([noise(17 * OBJECT, parent), Buffer.alloc(SIZE - 17 * OBJECT)]));
    await cluster.snapshot('create', `${parent}@base`);
    await cluster.snapshot('protect', `${parent}@base`);
    await cluster.clone(`${parent}@base`, image, features);
    await cluster.snapshot('create', `${image}@start`);
    await withLab(autoLab(cluster), async (lab) => {
      const oracle = new Map<string, string>();
      for (const [round, change] of CHANGES.entries()) {
        await change(image);
        oracle.set(await way(lab, image, round), await cluster.sha256(image));
      }
      expect(oracle.size).toBe(CHANGES.length);
      await checkRestores(lab, oracle);
    });
    await cluster.remove(image);
    await cluster.snapshot('unprotect', `${parent}@base`);
    await cluster.remove(parent);
  });
});

async function resize(image: string, sizeBytes: number): Promise<void> {
  await cluster.resize(image, sizeBytes);
}
