import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { noise, runSeed, seededRandom } from '../support/images/random.ts';
import { sha256 } from '../support/images/sha256.ts';
import { callsVary } from '../support/runner/costs/spent.ts';
import { Host, type SharedStore } from './host.ts';
import { createDatabase, dropDatabase } from './postgres.ts';
import { createBucket, deleteBucket, listCatalogue, listOtherKeys } from './s3-buckets.ts';
import { s3Section } from './s3-lab.ts';

callsVary();

const BLOCK = 4096;
const IMAGE_BLOCKS = 120;
/**
 * Duration and minimum number of backups per host: a slow machine takes longer and proves the same.
 */
const [RUN_MS, BACKUPS] = process.env.BACKY_LONG_TESTS ? [60_000, 3] : [0, 5];
const SEED = runSeed();

let store: SharedStore;
let bucket: string;
beforeAll(async () => {
  bucket = await createBucket(inject('ceph').s3);
  const database = await createDatabase(inject('postgres'));
  store = { postgres: inject('postgres'), database, config: { DataBackend: s3Section(bucket) }, blockSize: BLOCK };
});
afterAll(async () => {
  await dropDatabase(store.postgres, store.database);
  await deleteBucket(inject('ceph').s3, bucket);
});

/** Contents that all hosts draw from, so that one host soon needs blocks that another removes. */
const POOL = Array.from({ length: 60 }, (_, n) => noise(BLOCK, `shared ${n}`));

/** An image of shared, own and zero blocks. */
function makeImage(random: () => number): Buffer {
  const blocks = Array.from({ length: IMAGE_BLOCKS }, () => {
    const kind = random();
    if (kind < 0.1) return Buffer.alloc(BLOCK);
    if (kind < 0.4) return noise(BLOCK, `own ${random()}`);
    return POOL[Math.floor(random() * POOL.length)] ?? Buffer.alloc(BLOCK);
  });
  return Buffer.concat(blocks);
}

interface Work {
  seed: number;
  /** By Date.now(). */
  endAt: number;
  oracle: Map<string, string>;
  /** Whether the others have done enough for the test to prove anything. */
  isEnough(): boolean;
}

/**
 * Backs up and removes until `endAt` has passed and it is enough; remaining versions go into
 * `oracle`.
 * @returns the number of backups.
 */
async function work(host: Host, { seed, endAt, oracle, isEnough }: Work): Promise<number> {
  const random = seededRandom(seed);
  const own: string[] = [];
  let backups = 0;
  while (Date.now() < endAt || backups < BACKUPS || !isEnough()) {
    const image = makeImage(random);
    const uid = await host.backup(`file://${host.write('image', image)}`, host.hostname);
    backups++;
    own.push(uid);
    oracle.set(uid, sha256(image));
    // Keeps few: most blobs are candidates again and again.
    while (own.length > 1) {
      const [gone = ''] = own.splice(Math.floor(random() * own.length), 1);
      await host.ok('rm', gone);
      oracle.delete(gone);
    }
  }
  return backups;
}

/**
 * Cleans up in a loop, as cron on some host would.
 * @param onDeleted gets the number of deleted blobs.
 */
async function cleanUp(host: Host, isOver: () => boolean, onDeleted: (blobs: number) => void): Promise<void> {
  while (!isOver()) {
    const { code, stdout, stderr } = await host.run(['--json', 'cleanup', '--dangerous-force']);
    // The other host's cleanup may still run, or may have ended before its name was read.
    if (code !== 0) expect(stderr).toMatch(/Another backy cleanup is running/);
    else onDeleted((JSON.parse(stdout) as { blobs_deleted: number }).blobs_deleted);
  }
}

test(
  `two hosts back up, remove and clean up on one database and one bucket, and lose nothing (seed ${SEED})`,
  async () => {
    const hosts = [new Host('host-one', store), new Host('host-two', store)] as const;
    const oracle = new Map<string, string>();
    await hosts[0].ok('initdb');
    const endAt = Date.now() + RUN_MS;
    let [over, deleted] = [false, 0];
    const onDeleted = (blobs: number) => {
      deleted += blobs;
    };
    const cleaning = Promise.all(hosts.map((host) => cleanUp(host, () => over, onDeleted)));
    const isEnough = () => deleted > 0;
    const working = Promise.all(hosts.map((host, n) => work(host, { seed: SEED + n, endAt, oracle, isEnough })));
    const backups = await working.finally(() => {
      over = true;
    });
    await cleaning;
    // Blobs were deleted while the others worked.
    expect(Math.min(...backups)).toBeGreaterThan(2);
    expect(deleted).toBeGreaterThan(0);

    const versions = await hosts[0].sharedVersions();
    expect(versions.map(({ uid, valid }) => [uid, valid])).toEqual(versions.map(({ uid }) => [uid, 1]));
    expect(new Set(versions.map(({ uid }) => uid))).toEqual(new Set(oracle.keys()));
    // Each host restores all versions, including the other host's.
    await Promise.all(
      hosts.map(async (host) => {
        for (const [uid, sum] of oracle) expect(await host.restoredSha256(uid), uid).toBe(sum);
      }),
    );
    for (const uid of oracle.keys()) await hosts[0].ok('scrub', uid);

    // Blobs of the last removals still exist; after this cleanup only blobs that rows name remain.
    await hosts[0].ok('cleanup', '--dangerous-force');
    const full = JSON.parse((await hosts[1].run(['--json', 'cleanup', '-f'])).stdout) as { blobs_deleted: number };
    expect(full.blobs_deleted).toBe(0);
    const named = await hosts[0].rows<{ uid: string }>("SELECT DISTINCT uid FROM blocks WHERE uid <> '' ORDER BY uid");
    const keys = await listOtherKeys(inject('ceph').s3, bucket);
    expect(keys.map((key) => key.slice(key.lastIndexOf('/') + 1)).sort()).toEqual(named.map(({ uid }) => uid).sort());
    // The catalogue has the same versions, each with its list and a leaf of its own.
    const manifests = (await listCatalogue(inject('ceph').s3, bucket)).map((key) => key.split('/'));
    const heads = manifests.flatMap(([kind, uid = '']) => (kind === 'versions' ? uid : []));
    expect(new Set(heads)).toEqual(new Set(oracle.keys()));
    expect(manifests.map(([kind]) => kind).sort()).toEqual(
      ['leaves', 'lists', 'versions'].flatMap((kind) => new Array(oracle.size).fill(kind)),
    );
    expect(await hosts[1].ok('-m', 'ls', '--from-store')).toBe(await hosts[1].ok('-m', 'ls'));
    for (const [uid, sum] of oracle) expect(await hosts[1].restoredSha256(uid), uid).toBe(sum);
    for (const host of hosts) {
      expect(host.lockFiles()).toEqual([]);
      host.remove();
    }
  },
  RUN_MS + 300_000,
);
