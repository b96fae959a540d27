import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, inject, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { sha256, sha256OfFile } from '../support/images/sha256.ts';
import { PYTHON } from '../support/labs/encryption.ts';
import { withLab } from '../support/labs/lab.ts';
import { OBJECT, sharedCluster } from './rbd-cluster.ts';
import { RbdConnection } from './rbd-connection.ts';

const cluster = sharedCluster();
const SCRIPT = fileURLToPath(new URL('rbd-calls.py', import.meta.url));

test('images made by tests look the same to the rbd command', async () => {
  const [image, clone] = [cluster.newImage(), cluster.newImage()];
  const content = Buffer.concat([noise(3 * OBJECT, image), Buffer.alloc(4 * OBJECT), noise(512, 'end')]);
  await cluster.import(image, content);
  for (const name of ['a', 'b']) await cluster.snapshot('create', `${image}@${name}`);
  await cluster.snapshot('protect', `${image}@b`);
  await cluster.clone(`${image}@b`, clone, 'layering');
  await cluster.write(image, OBJECT, noise(OBJECT, 'new'));
  await cluster.discard(image, 0, OBJECT);
  await cluster.resize(image, 2 * OBJECT);
  expect(JSON.parse(await cluster.rbd('info', '--format', 'json', image))).toMatchObject({
    ...(await cluster.info(image)),
    size: 2 * OBJECT,
    object_size: OBJECT,
    features: ['layering', 'exclusive-lock', 'object-map', 'fast-diff', 'deep-flatten'],
  });
  expect(JSON.parse(await cluster.rbd('info', '--format', 'json', clone))).toMatchObject({
    size: content.length,
    object_size: OBJECT,
    features: ['layering'],
    parent: { image: image.split('/')[1], snapshot: 'b' },
  });
  expect(JSON.parse(await cluster.rbd('snap', 'ls', '--format', 'json', image))).toMatchObject([
    { name: 'a', size: content.length, protected: 'false' },
    { name: 'b', size: content.length, protected: 'true' },
  ]);
  expect(await cluster.snapshots(image)).toEqual(['a', 'b']);
  expect(await cluster.used(`${image}@a`)).toBe(3 * OBJECT + 512);
  expect(await cluster.used(image)).toBe(OBJECT);
  await withLab({}, async (lab) => {
    const now = Buffer.concat([Buffer.alloc(OBJECT), noise(OBJECT, 'new')]);
    const expected = { [image]: now, [`${image}@a`]: content, [clone]: content };
    for (const [spec, bytes] of Object.entries(expected)) {
      const exported = lab.path(spec.replaceAll('/', '_'));
      await cluster.rbd('export', '--no-progress', spec, exported);
      expect(sha256OfFile(exported)).toBe(sha256(bytes));
      expect(await cluster.sha256(spec)).toBe(sha256(bytes));
      expect((await cluster.read(spec)).equals(bytes)).toBe(true);
    }
  });
  await cluster.flatten(clone);
  expect(JSON.parse(await cluster.rbd('info', '--format', 'json', clone))).not.toHaveProperty('parent');
  await cluster.snapshot('unprotect', `${image}@b`);
  for (const each of [clone, image]) await cluster.remove(each);
  expect((await cluster.rbd('ls', 'vms')).split('\n')).not.toContain(image.split('/')[1]);
});

test('a call that fails rejects with librbd’s message, and the next one works', async () => {
  const image = cluster.newImage();
  await expect(cluster.write(image, 0, noise(512, 'x'))).rejects.toThrow(/rbd write .*ImageNotFound: .*RBD image not found/);
  await cluster.create(image, OBJECT);
  await expect(cluster.create(image, OBJECT)).rejects.toThrow(/ImageExists/);
  await expect(cluster.snapshot('rollback', `${image}@none`)).rejects.toThrow(/ImageNotFound/);
  await cluster.remove(image);
});

test('pending calls reject when the connection can’t be made', async () => {
  const connection = new RbdConnection('/nonexistent/ceph.conf');
  await expect(connection.call('snapshots', { image: 'vms/x' })).rejects.toThrow(
    /rbd-calls\.py ended with 1: .*error calling conf_read_file/s,
  );
  await connection.close();
});

test('the process ends in order with its stdin, as when the tests are killed', async () => {
  const child = spawn(PYTHON, [SCRIPT, inject('ceph').conf], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  child.stdin.write('{"call": "watchers", "args": {"image": "vms/none"}}\n');
  expect(JSON.parse((await once(lines, 'line'))[0])).toEqual({ error: expect.stringContaining('ImageNotFound') });
  child.stdin.end();
  expect(await once(child, 'exit')).toEqual([0, null]);
});
