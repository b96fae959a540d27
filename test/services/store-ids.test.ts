import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { sha256 } from '../support/images/sha256.ts';
import { FaultProxy } from '../support/servers/fault-proxy.ts';
import type { Host } from './host.ts';
import { Installation } from './installation.ts';
import { postgresUrl } from './postgres.ts';
import { OBJECT, sharedCluster } from './rbd-cluster.ts';
import { CATALOGUE_PREFIX, STORE_PREFIX } from './s3-buckets.ts';

const cluster = sharedCluster();

let ours: Installation;
beforeEach(async () => {
  ours = await Installation.create(cluster);
});
afterEach(() => ours.remove());

test('two hosts that make the first backup at the same moment agree on one id', async () => {
  const hosts = [ours.one, ours.host('host-two')];
  const images = hosts.map((host) => noise(3 * OBJECT, host.hostname));
  const running = hosts.map((host, n) =>
    host.start(['backup', `file://${host.write('image', images[n] ?? Buffer.alloc(0))}`, host.hostname]),
  );
  for (const { ended } of running) expect(await ended).toMatchObject({ code: 0 });
  expect(await ours.storeIds()).toEqual(await ours.keptIds());
  expect(await ours.storeIds()).toHaveLength(1);
  for (const { uid, name, valid } of await ours.one.sharedVersions()) {
    expect(valid).toBe(1);
    const index = hosts.findIndex((host) => host.hostname === name);
    expect(await hosts[1 - index]?.restoredSha256(uid)).toBe(sha256(images[index] ?? Buffer.alloc(0)));
  }
});

describe('requests of a backup', () => {
  let proxy: FaultProxy;
  let two: Host;
  beforeEach(async () => {
    proxy = await FaultProxy.start(Number(new URL(inject('ceph').s3.endpoint).port));
    two = ours.host('host-two', ours.bucket, proxy.endpoint);
  });
  afterEach(() => proxy.stop());

  const requestsOf = async (...args: string[]) => {
    proxy.reset();
    await two.ok('backup', ...args);
    return proxy.requests.map(({ method, path }) => {
      const query = new URLSearchParams(path.slice(path.indexOf('?') + 1));
      if (decodeURIComponent(path).includes(CATALOGUE_PREFIX)) return `${query.has('list-type') ? 'list' : method} catalogue`;
      if (query.get('list-type') === null) return `${method} ${path.includes(STORE_PREFIX) ? 'id' : 'blob'}`;
      return query.get('prefix') === STORE_PREFIX ? 'list ids' : `list ${query.get('max-keys')}`;
    });
  };

  test('are one listing before and one after those for its blocks, four more if it reuses blobs, and those for the catalogue', async () => {
    const image = `file://${two.write('image', noise(5 * OBJECT, 'image'))}`;
    const puts = new Array(5).fill('PUT blob');
    const catalogue = ['list ids', 'list catalogue', 'PUT catalogue', 'PUT catalogue', 'list catalogue'];
    // Leaf, list and head.
    const withLeaf = catalogue.toSpliced(2, 0, 'PUT catalogue');
    // The id is made once in a store's life.
    const makesId = ['list ids', 'list ids', 'PUT id', 'list ids'];
    expect(await requestsOf(image, 'vm')).toEqual([...makesId, ...puts, 'list ids', ...withLeaf]);
    const other = `file://${two.write('other', noise(5 * OBJECT, 'other'))}`;
    expect(await requestsOf(other, 'vm')).toEqual(['list ids', ...puts, 'list ids', ...withLeaf]);
    // The leaf is there already.
    expect(await requestsOf(image, 'vm')).toEqual(['list ids', ...new Array(4).fill('list 1'), 'list ids', ...catalogue]);
  });
});

describe('a host that may only read the database', () => {
  let reader: Host;
  let uid: string;
  beforeEach(async () => {
    const { one, shared } = ours;
    ({ uid } = await ours.backUp());
    const role = `reader_${shared.database}`;
    await one.rows(`CREATE ROLE ${role} LOGIN PASSWORD 'a-secret'`);
    await one.rows(`GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role}`);
    await one.rows(`ALTER ROLE ${role} SET default_transaction_read_only = on`);
    reader = ours.host('host-reader');
    const engine = postgresUrl(shared.postgres, shared.database).replace('postgres:a-secret', `${role}:a-secret`);
    reader.configure({ MetaBackend: { engine } });
  });
  afterEach(async () => {
    const role = `reader_${ours.shared.database}`;
    await ours.one.rows(`DROP OWNED BY ${role}`);
    await ours.one.rows(`DROP ROLE ${role}`);
  });

  test.each<[string, () => Promise<unknown>]>([
    ['is kept', async () => {}],
    ['is not kept', async () => ours.one.rows('DELETE FROM backy2_store')],
    ['is not kept, nor has a table', async () => ours.one.rows('DROP TABLE backy2_store')],
    [
      'is neither kept nor in the bucket',
      async () => {
        await ours.one.rows('DROP TABLE backy2_store');
        await ours.removeKeys((await ours.keys()).filter((key) => key.startsWith(STORE_PREFIX)));
      },
    ],
  ])('lists and restores, whether the id %s', async (_, change) => {
    await change();
    expect(await reader.ok('-ms', 'ls', '-f', 'uid')).toBe(`${uid}\n`);
    expect(await reader.restoredSha256(uid)).toBe(await ours.one.restoredSha256(uid));
    await ours.one.ok('scrub', uid);
    expect(await ours.storeIds()).toEqual(await ours.keptIds());
  });
});
