import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import { noise } from '../support/images/random.ts';
import { sha256 } from '../support/images/sha256.ts';
import { checkRestores } from '../support/labs/check-store.ts';
import { type Lab, withLab } from '../support/labs/lab.ts';
import { tool } from '../support/program/process.ts';
import { isTurn, shardText } from '../support/runner/rotation.ts';
import { OBJECT, sharedCluster } from './rbd-cluster.ts';
import { STORY_SHARDS } from './stories.ts';

// Each test runs many commands.
vi.setConfig({ testTimeout: 240_000 });
const cluster = sharedCluster();
const LAB = { config: cluster.config(), blockSize: 16384 };
const SIZE = 40 * OBJECT;

/** A way for a backup of a snapshot to learn the changes since an earlier one. */
type Way = (lab: Lab, image: string, change: { from: string; to: string; baseUid: string }) => Promise<string>;

const WAYS: [name: string, way: Way][] = [
  [
    'rbd diff and -r',
    async (lab, image, { from, to, baseUid }) => {
      const diff = await cluster.rbd('diff', '--whole-object', '--format', 'json', '--from-snap', from, `${image}@${to}`);
      const hints = lab.write(`hints-${to}`, diff);
      return lab.backup('-s', to, '-r', hints, '-f', baseUid, `rbd://${image}@${to}`, 'vm');
    },
  ],
  [
    '--diff-from and -f',
    (lab, image, { from, to, baseUid }) => lab.backup('-s', to, '--diff-from', from, '-f', baseUid, `rbd://${image}@${to}`, 'vm'),
  ],
  ['--diff-from alone', (lab, image, { from, to }) => lab.backup('--diff-from', from, `rbd://${image}@${to}`, 'vm')],
];

/**
 * Changes of an image between two snapshots, with the limit of bytes that a differential backup may
 * read; undefined: any.
 */
const CHANGES: [name: string, change: (image: string) => Promise<unknown>, mostBytes?: number][] = [
  ['nothing', async () => {}, 0],
  ['writes', (image) => cluster.write(image, 3 * OBJECT - 512, noise(1024, `${image} 1`)), 2 * OBJECT],
  ['discards of a whole object and of parts', (image) => cluster.discard(image, 5 * OBJECT - 4096, 2 * OBJECT), 4 * OBJECT],
  ['writes where nothing was', (image) => cluster.write(image, 30 * OBJECT, noise(OBJECT, `${image} 2`)), OBJECT],
  ['growth', (image) => cluster.resize(image, 50 * OBJECT + 4096)],
  ['writes at the new end', (image) => cluster.write(image, 50 * OBJECT, noise(4096, `${image} 3`)), OBJECT],
  ['a cut', (image) => cut(image, 9 * OBJECT + 512)],
  [
    'a cut and growth to the same size',
    async (image) => {
      await cut(image, 4 * OBJECT + 8192);
      await cluster.resize(image, 9 * OBJECT + 512);
    },
  ],
  ['growth and writes', (image) => grown(image, 12 * OBJECT, 11 * OBJECT)],
];

const FEATURES = ['layering,exclusive-lock,object-map,fast-diff,deep-flatten', 'layering'];

/**
 * Each run has a third of the stories: every way with another kind of image. Runs at three commits
 * in a row have all.
 */
const STORIES = WAYS.map(([name, way], index) => ({ name, way, isDue: (kind: number) => isTurn(index + kind, STORY_SHARDS) }));

describe.each(STORIES)(`differential backups with $name, ${shardText(STORY_SHARDS)},`, ({ way, isDue }) => {
  test.each(FEATURES.filter((_, kind) => isDue(kind)))(
    'restore whatever happened between snapshots of an image with %s',
    async (features) => {
      const image = cluster.newImage();
      await cluster.create(image, SIZE, features);
      await cluster.write(image, 0, noise(20 * OBJECT, image));
      await followChanges(image, way);
      await cluster.remove(image);
    },
  );

  test.each(isDue(FEATURES.length) ? ['a clone'] : [])('restore %s, whatever happened to it', async () => {
    const parent = cluster.newImage();
    const image = cluster.newImage();
    await cluster.import(parent, Buffer.concat([noise(20 * OBJECT, parent), Buffer.alloc(SIZE - 20 * OBJECT)]));
    await cluster.snapshot('create', `${parent}@base`);
    await cluster.snapshot('protect', `${parent}@base`);
    await cluster.clone(`${parent}@base`, image);
    await followChanges(image, way, [['flattening', () => cluster.flatten(image)]]);
    await cluster.remove(image);
    await cluster.snapshot('unprotect', `${parent}@base`);
    await cluster.remove(parent);
  });
});

test('without hints every block is read, also never-written ones', async () => {
  const image = cluster.newImage();
  await cluster.create(image, SIZE);
  await cluster.write(image, 3 * OBJECT, noise(OBJECT, image));
  await cluster.snapshot('create', `${image}@s`);
  await withLab(LAB, async (lab) => {
    const uid = await lab.backup(`rbd://${image}@s`, 'vm');
    expect(bytesRead(lab, uid)).toBe(SIZE);
    await checkRestores(lab, new Map([[uid, await cluster.sha256(image)]]));
  });
  await cluster.remove(image);
});

test('data that a clone has from its parent is read, whatever the hints say', async () => {
  const [parent, image] = [cluster.newImage(), cluster.newImage()];
  await cluster.import(parent, noise(20 * OBJECT, parent));
  await cluster.snapshot('create', `${parent}@base`);
  await cluster.snapshot('protect', `${parent}@base`);
  await cluster.clone(`${parent}@base`, image);
  await cluster.resize(image, SIZE);
  await cluster.snapshot('create', `${image}@s`);
  await withLab(LAB, async (lab) => {
    const content = await cluster.sha256(image);
    const nothing = lab.write('nothing', '[]');
    const full = await lab.backup('-r', nothing, `rbd://${image}@s`, 'vm');
    expect(bytesRead(lab, full)).toBe(20 * OBJECT);
    const hole = lab.write('hole', JSON.stringify([{ offset: 15 * OBJECT, length: 10 * OBJECT, exists: 'false' }]));
    const differential = await lab.backup('-r', hole, '-f', full, `rbd://${image}@s`, 'vm');
    await checkRestores(
      lab,
      new Map([
        [full, content],
        [differential, content],
      ]),
    );
  });
  await cluster.remove(image);
  await cluster.snapshot('unprotect', `${parent}@base`);
  await cluster.remove(parent);
});

test('a whole image is read as it is, also in a namespace', async () => {
  const [pool = ''] = cluster.newImage().split('/');
  await cluster.namespace('create', `${pool}/backups`);
  await withLab(LAB, async (lab) => {
    const oracle = new Map<string, string>();
    for (const image of [cluster.newImage(), `${pool}/backups/vm`]) {
      const content = Buffer.concat([noise(3 * OBJECT, image), Buffer.alloc(4 * OBJECT), noise(1536, image)]);
      await cluster.import(image, content);
      const uid = await lab.backup(`rbd://${image}`, 'vm');
      oracle.set(uid, sha256(content));
      await checkRestores(lab, oracle);
      expect(JSON.parse(await lab.ok('--json', 'scrub', '-s', `rbd://${image}`, uid))).toMatchObject({ valid: true, errors: [] });
      await cluster.write(image, 0, noise(512, 'other'));
      expect(await lab.run(['scrub', '-s', `rbd://${image}`, uid])).toMatchObject({ code: 20 });
      await cluster.remove(image);
    }
  });
  await cluster.namespace('remove', `${pool}/backups`);
});

describe('restore', () => {
  const content = Buffer.concat([noise(3 * OBJECT, 'x'), Buffer.alloc(8 * OBJECT), noise(5 * OBJECT + 1024, 'y')]);

  test('makes an image with the configured features, without writing its zeros', async () => {
    const names = ['RBD_FEATURE_LAYERING', 'RBD_FEATURE_EXCLUSIVE_LOCK'];
    const config = cluster.config({ new_image_features: names.map((name) => `\n  ${name}`).join('') });
    await withLab({ ...LAB, config }, async (lab) => {
      const uid = await lab.backup(`file://${lab.write('image', content)}`, 'vm');
      for (const option of [[], ['-s']]) {
        const image = cluster.newImage();
        await lab.ok('restore', ...option, uid, `rbd://${image}`);
        expect(await cluster.sha256(image)).toBe(sha256(content));
        const info = await cluster.info(image);
        expect(info).toMatchObject({ features: ['layering', 'exclusive-lock'], size: content.length });
        await cluster.remove(image);
      }
    });
  });

  test('makes an image as rbd create does if the config has no features, and takes no space for zeros', async () => {
    await withLab(LAB, async (lab) => {
      const sparse = Buffer.concat([noise(16384, 'x'), Buffer.alloc(64 * 1024 ** 2)]);
      const uid = await lab.backup(`file://${lab.write('image', sparse)}`, 'vm');
      const image = cluster.newImage();
      await lab.ok('restore', uid, `rbd://${image}`);
      expect(await cluster.used(image)).toBe(4 * 1024 ** 2);
      const info = await cluster.info(image);
      expect(info.features).toContain('fast-diff');
      await cluster.remove(image);
    });
  });

  test('overwrites an image only with -f, and only a large enough one', async () => {
    await withLab(LAB, async (lab) => {
      const image = cluster.newImage();
      const uid = await lab.backup(`file://${lab.write('image', content)}`, 'vm');
      const target = `rbd://${image}`;
      expect(await lab.run(['restore', '-f', '-c', '1', uid, target])).toMatchObject({
        code: 1,
        stderr: expect.stringContaining(`Target ${target} is new or empty`),
      });
      // The import makes the image: it did not exist.
      await cluster.import(image, noise(content.length - 512, 'old'));
      expect(await lab.run(['restore', uid, target])).toMatchObject({
        code: 1,
        stderr: expect.stringContaining(`Target already exists: ${target}`),
      });
      expect(await lab.run(['restore', '-f', uid, target])).toMatchObject({
        code: 1,
        stderr: expect.stringContaining(`Has ${content.length - 512}b, need ${content.length}b.`),
      });
      expect(await cluster.sha256(image)).toBe(sha256(noise(content.length - 512, 'old')));
      const old = noise(OBJECT, 'behind the end');
      await cluster.resize(image, content.length + OBJECT);
      await cluster.write(image, content.length, old);
      await lab.ok('restore', '-f', uid, target);
      expect(await cluster.sha256(image)).toBe(sha256(Buffer.concat([content, old])));
      await cluster.remove(image);
    });
  });
});

test('a file system in an image is clean after a backup of its snapshot and a restore', async () => {
  await withLab({ config: cluster.config() }, async (lab) => {
    mkdirSync(lab.path('files'));
    for (let n = 0; n < 50; n++) writeFileSync(lab.path(`files/${n}`), noise(n * 3000, `file ${n}`));
    await tool('mke2fs', '-q', '-t', 'ext4', '-d', lab.path('files'), lab.path('fs'), '64M');
    const [image, restored] = [cluster.newImage(), cluster.newImage()];
    await cluster.importFile(image, lab.path('fs'));
    await cluster.snapshot('create', `${image}@now`);
    const uid = await lab.backup(`rbd://${image}@now`, 'vm');
    await cluster.write(image, 0, noise(10 * OBJECT, 'wreck'));
    await lab.ok('restore', uid, `rbd://${restored}`);
    await cluster.exportFile(restored, lab.path('exported'));
    await tool('e2fsck', '-fn', lab.path('exported'));
    await tool('cmp', lab.path('fs'), lab.path('exported'));
    for (const each of [image, restored]) await cluster.remove(each);
  });
});

/**
 * Backs up an image after each change, and checks that every version restores to its snapshot's
 * content.
 */
async function followChanges(image: string, way: Way, more: typeof CHANGES = []): Promise<void> {
  await withLab(LAB, async (lab) => {
    const oracle = new Map<string, string>();
    await cluster.snapshot('create', `${image}@s0`);
    let baseUid = await lab.backup('-s', 's0', `rbd://${image}@s0`, 'vm');
    oracle.set(baseUid, await cluster.sha256(`${image}@s0`));
    for (const [index, [name, change, mostBytes]] of [...CHANGES, ...more].entries()) {
      const [from, to] = [`s${index}`, `s${index + 1}`];
      await change(image);
      await cluster.snapshot('create', `${image}@${to}`);
      baseUid = await way(lab, image, { from, to, baseUid });
      expect(lab.version(baseUid).snapshot_name).toBe(to);
      oracle.set(baseUid, await cluster.sha256(`${image}@${to}`));
      if (mostBytes !== undefined) expect(bytesRead(lab, baseUid), name).toBeLessThanOrEqual(mostBytes);
    }
    await checkRestores(lab, oracle);
  });
}

function bytesRead(lab: Lab, uid: string): number {
  return (
    lab.query<{ bytes_read: number }>('SELECT bytes_read FROM stats WHERE version_uid = ?', uid)[0]?.bytes_read ?? Number.NaN
  );
}

async function cut(image: string, sizeBytes: number): Promise<void> {
  await cluster.resize(image, sizeBytes);
}

async function grown(image: string, sizeBytes: number, writeAt: number): Promise<void> {
  await cluster.resize(image, sizeBytes);
  await cluster.write(image, writeAt, noise(OBJECT, `${image} 4`));
}
