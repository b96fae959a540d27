import { describe, expect, test, vi } from 'vitest';
import { noise } from '../support/images/random.ts';
import { withLab } from '../support/labs/lab.ts';
import { OBJECT, sharedCluster } from './rbd-cluster.ts';

// Each test runs many commands.
vi.setConfig({ testTimeout: 240_000 });
const cluster = sharedCluster();

describe('images that others use', () => {
  test('are backed up, and not overwritten', async () => {
    await withLab({ config: cluster.config() }, async (lab) => {
      const image = cluster.newImage();
      await cluster.import(image, noise(3 * OBJECT, image));
      const user = lab.startCommand([
        'qemu-io',
        '-f',
        'raw',
        '-c',
        'write 0 512',
        '-c',
        'sleep 30000',
        `rbd:${image}:conf=${cluster.conf}`,
      ]);
      await expect.poll(() => cluster.watchers(image)).toHaveLength(1);
      const uid = await lab.backup(`rbd://${image}`, 'vm');
      expect(await lab.run(['restore', '-f', uid, `rbd://${image}`])).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(
          /Target rbd:\S+ is in use by the client at 127\.0\.0\.1:\S+\. Stop what uses it: rbd status/,
        ),
      });
      user.kill('SIGTERM');
      await user.ended;
      await cluster.unused(image);
      await lab.ok('restore', '-f', uid, `rbd://${image}`);
      await cluster.remove(image);
    });
  });
});

describe('an image that changes under a backup', () => {
  test.each([
    ['shrinks', (image: string) => cluster.resize(image, 2 * OBJECT), '', /shrank from \d+ to \d+ bytes while it was read/],
    ['is removed', (image: string) => cluster.remove(image), '', /There is no image/],
    [
      'is removed, and another one takes its name',
      async (image: string) => {
        await cluster.remove(image);
        await cluster.create(image, 96 * OBJECT);
      },
      '',
      /Image \S+ was removed and made again/,
    ],
    ['loses its snapshot', (image: string) => cluster.snapshot('remove', `${image}@s`), '@s', /There is no snapshot "s"/],
    [
      'has its snapshot made again',
      async (image: string) => {
        await cluster.snapshot('remove', `${image}@s`);
        await cluster.snapshot('create', `${image}@s`);
      },
      '@s',
      /was removed and made again/,
    ],
  ])('leaves no valid version when it %s', async (_, change, snapshot, message) => {
    // Slow, so that there is time for it: five seconds.
    const config = { ...cluster.config({ simultaneous_reads: 1 }), DataBackend: { bandwidth_write: 20 * OBJECT } };
    await withLab({ blockSize: OBJECT, workers: 1, config }, async (lab) => {
      const image = cluster.newImage();
      await cluster.import(image, noise(96 * OBJECT, image));
      if (snapshot !== '') await cluster.snapshot('create', `${image}@s`);
      const running = lab.start(['backup', `rbd://${image}${snapshot}`, 'vm']);
      await expect.poll(() => lab.blobs().length).toBeGreaterThan(2);
      await change(image);
      const { code, stderr } = await running.ended;
      expect({ code, stderr }).toEqual({ code: 100, stderr: expect.stringMatching(message) });
      expect(lab.versions().map(({ valid }) => valid)).toEqual([0]);
      // One case has removed it already.
      await cluster.remove(image).catch(() => {});
    });
  });
});
