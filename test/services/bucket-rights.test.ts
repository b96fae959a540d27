import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { sha256OfFile } from '../support/images/sha256.ts';
import { encrypted } from '../support/labs/encryption.ts';
import { uidOf } from '../support/labs/lab.ts';
import { FaultProxy } from '../support/servers/fault-proxy.ts';
import type { Host } from './host.ts';
import { Installation } from './installation.ts';
import { OBJECT, sharedCluster } from './rbd-cluster.ts';
import { CATALOGUE_PREFIX, STORE_PREFIX } from './s3-buckets.ts';

const cluster = sharedCluster();

let ours: Installation;
let two: Host;
let uid: string;
let snapshot: string;
let proxy: FaultProxy;
beforeAll(async () => {
  proxy = await FaultProxy.start(Number(new URL(inject('ceph').s3.endpoint).port));
  ours = await Installation.create(cluster);
  two = ours.host('host-two', ours.bucket, proxy.endpoint);
  ({ uid, snapshot } = await ours.backUp());
});
beforeEach(() => {
  proxy.reset();
});
afterEach(() => ours.allowAll());
afterAll(async () => {
  await ours.remove();
  await proxy.stop();
});

const source = () => `${ours.source}@${snapshot}`;
const contentOf = () => cluster.sha256(`${ours.image}@${snapshot}`);
/** Requests that the server refused. */
const refused = () =>
  proxy.requests.filter(({ status }) => status === 403).map(({ method, path }) => `${method} ${path.slice(1).split('?')[0]}`);
const removeId = async () => ours.removeKeys((await ours.keys()).filter((key) => key.startsWith(STORE_PREFIX)));

/** Backs up without a line that would worry anybody. @returns the version. */
async function backUpQuietly(host: Host, ...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await host.run(['-m', 'backup', ...words]);
  expect(code, stderr).toBe(0);
  expect(stderr).not.toMatch(/WARNING|ERROR/);
  return uidOf(stdout);
}

describe('a host that may not read objects', () => {
  beforeEach(() => ours.deny('s3:GetObject'));

  test('backs up new, known and changed data, and asks once for what it may not have', async () => {
    const made = [
      await backUpQuietly(two, `file://${two.write('new', noise(3 * OBJECT, 'new'))}`, 'new'),
      await backUpQuietly(two, source(), 'vm'),
    ];
    expect(refused()).toEqual([]);
    // Hosts with the right take unchanged leaves from the base's manifest; this one writes all.
    made.push(await backUpQuietly(two, '-r', two.write('hints', '[]'), '-f', uid, source(), 'vm'));
    expect(refused()).toEqual([`GET ${ours.bucket}/${CATALOGUE_PREFIX}versions/${uid}`]);
    await ours.allowAll();
    for (const version of made) await ours.one.ok('scrub', version);
    expect(await ours.one.restoredSha256(made[2] ?? '')).toBe(await contentOf());
    expect(await ours.one.ok('-m', 'ls', '--from-store')).toBe(await ours.one.ok('-m', 'ls'));
  });

  test('seals its manifests with the key that another host made', async () => {
    const [three, four] = [ours.host('host-three'), ours.host('host-four')];
    for (const host of [three, four]) host.configure(encrypted());
    const image = three.write('sealed', noise(OBJECT, 'sealed'));
    await ours.allowAll();
    await three.backup(`file://${image}`, 'sealed');
    await ours.deny('s3:GetObject');
    const sealed = await backUpQuietly(four, `file://${image}`, 'sealed');
    await ours.allowAll();
    await three.ok('restore', '--from-store', sealed, `file://${three.path('target')}`);
    expect(sha256OfFile(three.path('target'))).toBe(sha256OfFile(image));
  });

  test('recognises the store by its listing, and writes the id again', async () => {
    const ids = await ours.storeIds();
    await removeId();
    await two.ok('backup', source(), 'vm');
    expect(await ours.storeIds()).toEqual(ids);
    expect(refused()).toEqual([]);
  });
});

describe('a host that may not store objects', () => {
  beforeEach(() => ours.deny('s3:PutObject'));

  test.each([
    ['the database has', async () => ours.one.rows('DELETE FROM backy2_store')],
    ['the bucket has', removeId],
    ['both have', async () => Promise.all([ours.one.rows('DELETE FROM backy2_store'), removeId()])],
  ])('restores, though %s no id', async (_, remove) => {
    await remove();
    expect(await two.restoredSha256(uid)).toBe(await contentOf());
    await two.ok('scrub', uid);
    await ours.allowAll();
    await ours.one.ok('scrub', uid);
    expect(await ours.storeIds()).toEqual(await ours.keptIds());
    expect(await ours.storeIds()).toHaveLength(1);
  });
});

describe('a host that may not delete objects', () => {
  beforeEach(() => ours.deny('s3:DeleteObject'));

  test('backs up, scrubs and restores', async () => {
    await two.backup(`file://${two.write('other', noise(3 * OBJECT, 'other'))}`, 'other');
    await two.ok('scrub', uid);
    expect(await two.restoredSha256(uid)).toBe(await contentOf());
    expect(refused()).toEqual([]);
  });
});
