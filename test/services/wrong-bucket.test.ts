import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { expectFailure } from '../support/labs/expect-failure.ts';
import { isTurn } from '../support/runner/rotation.ts';
import type { Host } from './host.ts';
import { Installation } from './installation.ts';
import { OBJECT, sharedCluster } from './rbd-cluster.ts';
import { createBucket, deleteBucket } from './s3-buckets.ts';

const DATA_BACKEND = 6;
const cluster = sharedCluster();

let ours: Installation;
let theirs: Installation;
let uid: string;
let snapshot: string;
let emptyBucket: string;
let leftoverBucket: string;
beforeAll(async () => {
  ours = await Installation.create(cluster);
  theirs = await Installation.create(cluster);
  ({ uid, snapshot } = await ours.backUp());
  await theirs.backUp();
  // --auto first removes snapshots without a version.
  await cluster.snapshot('create', `${ours.image}@test.auto-2026-01-01T00:01:00.000Z`);
  await cluster.write(ours.image, 0, noise(OBJECT, 'change'));
  await cluster.snapshot('create', `${ours.image}@now`);
  emptyBucket = await createBucket(inject('ceph').s3);
  leftoverBucket = await createBucket(inject('ceph').s3);
  await ours.copyKeys((await ours.keys()).slice(0, 1), ours.bucket, leftoverBucket);
});
afterAll(async () => {
  await ours.remove();
  await theirs.remove();
  for (const bucket of [emptyBucket, leftoverBucket]) await deleteBucket(inject('ceph').s3, bucket);
});

/** Commands that read or write blobs. */
const COMMANDS: [name: string, args: (host: Host) => string[]][] = [
  ['a full backup whose blocks are all known', () => ['backup', `${ours.source}@${snapshot}`, 'vm']],
  ['a full backup of something new', (host) => ['backup', `file://${host.write('new', noise(OBJECT, 'new'))}`, 'new']],
  ['backup --auto', () => ['backup', '--auto', ours.source, 'vm']],
  ['backup --auto of all images', () => ['backup', '--auto', `rbd://${ours.place}/*`]],
  ['backup --diff-from', () => ['backup', '--diff-from', snapshot, '-f', uid, `${ours.source}@now`, 'vm']],
  [
    'backup -r -f',
    (host) => {
      const hints = host.write('hints', JSON.stringify([{ offset: 0, length: OBJECT, exists: true }]));
      return ['backup', '-r', hints, '-f', uid, `${ours.source}@now`, 'vm'];
    },
  ],
  ['restore to a file', (host) => ['restore', uid, `file://${host.path('target')}`]],
  ['restore to an image', () => ['restore', uid, `rbd://${ours.place}/target`]],
  ['scrub', () => ['scrub', uid]],
  ['scrub --all', () => ['scrub', '--all']],
  ['scrub --oldest', () => ['scrub', '--oldest', '100']],
  ['repair', () => ['repair', uid, '-s', `${ours.source}@${snapshot}`]],
  ['cleanup', () => ['cleanup', '--dangerous-force']],
  ['cleanup -f', () => ['cleanup', '-f']],
  ['nbd', (host) => ['nbd', '--socket', host.path('socket')]],
];

/** Buckets that are not the store, and the messages they give. */
const BUCKETS: [name: string, bucket: () => string, said: () => RegExp][] = [
  ['an empty bucket', () => emptyBucket, () => missing(emptyBucket, '16')],
  ['a bucket with one of its blobs', () => leftoverBucket, () => missing(leftoverBucket, '1[56]')],
  ['the bucket of another installation', () => theirs.bucket, () => otherStore],
];
let otherStore: RegExp;
beforeAll(async () => {
  const [own, other] = [await ours.keptIds(), await theirs.keptIds()];
  otherStore = new RegExp(`bucket "${theirs.bucket}" at .* is store ${other}, but the database belongs to store ${own}\\.`);
});

function missing(bucket: string, count: string): RegExp {
  return new RegExp(`bucket "${bucket}" at .* is not the store .*: of 16 blobs that were looked for, ${count} are missing\\.`);
}

async function expectRefused(host: Host, args: string[], { said, bucket }: { said: RegExp; bucket: string }): Promise<void> {
  const before = await ours.everything(bucket);
  expectFailure(await host.run(args), DATA_BACKEND, said);
  expect(await ours.everything(bucket)).toEqual(before);
  expect(existsSync(host.path('target'))).toBe(false);
  await expect(cluster.info(`${ours.place}/target`)).rejects.toThrow();
}

describe.each(BUCKETS)('a host with %s is refused, and changes nothing:', (name, bucketOf, saidOf) => {
  let host: Host;
  beforeAll(() => {
    host = ours.host('host-two', bucketOf());
  });

  // Commands take turns with the buckets: each run has each command, as many runs have each pair.
  const bucket = BUCKETS.findIndex(([each]) => each === name);
  test.each(COMMANDS.filter((_, command) => isTurn(command + bucket, BUCKETS.length)))('%s', async (_name, args) => {
    await expectRefused(host, args(host), { said: saidOf(), bucket: bucketOf() });
  });
});

describe('when the bucket was emptied, every host is refused, and changes nothing:', () => {
  let asideBucket: string;
  let keys: string[];
  beforeAll(async () => {
    asideBucket = await createBucket(inject('ceph').s3);
    keys = await ours.keys();
    await ours.copyKeys(keys, ours.bucket, asideBucket);
    await ours.removeKeys(keys);
  });
  afterAll(async () => {
    await ours.copyKeys(keys, asideBucket, ours.bucket);
    await deleteBucket(inject('ceph').s3, asideBucket);
  });

  test.each(COMMANDS)('%s', async (_name, args) => {
    const { one, bucket } = ours;
    await expectRefused(one, args(one), { said: missing(bucket, '16'), bucket });
  });
});

test('the host with the right bucket continues where it was', async () => {
  const { one } = ours;
  await one.ok('scrub', uid);
  expect(await one.restoredSha256(uid)).toBe(await cluster.sha256(`${ours.image}@${snapshot}`));
  const next = await ours.backUp();
  expect(await one.restoredSha256(next.uid)).toBe(await cluster.sha256(`${ours.image}@${next.snapshot}`));
});
