import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { FaultProxy } from '../support/servers/fault-proxy.ts';
import type { Host } from './host.ts';
import { Installation } from './installation.ts';
import { OBJECT, sharedCluster } from './rbd-cluster.ts';
import { STORE_PREFIX } from './s3-buckets.ts';

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
const refused = () => proxy.requests.filter(({ status }) => status === 403).map(({ method }) => method);
const removeId = async () => ours.removeKeys((await ours.keys()).filter((key) => key.startsWith(STORE_PREFIX)));

describe('a host that may not read objects', () => {
  beforeEach(() => ours.deny('s3:GetObject'));

  test('backs up new, known and changed data, and requests nothing that is forbidden', async () => {
    const made = [
      await two.backup(`file://${two.write('new', noise(3 * OBJECT, 'new'))}`, 'new'),
      await two.backup(source(), 'vm'),
      await two.backup('-r', two.write('hints', '[]'), '-f', uid, source(), 'vm'),
    ];
    expect(refused()).toEqual([]);
    await ours.allowAll();
    for (const version of made) await ours.one.ok('scrub', version);
    expect(await ours.one.restoredSha256(made[2] ?? '')).toBe(await contentOf());
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
