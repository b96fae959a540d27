import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { sha256, sha256OfFile } from '../support/images/sha256.ts';
import { expectFailure } from '../support/labs/expect-failure.ts';
import { uidOf } from '../support/labs/lab.ts';
import { type Fault, FaultProxy, type SeenRequest } from '../support/servers/fault-proxy.ts';
import { createS3Lab, type S3Lab } from './s3-lab.ts';
import { broken, busy, eachAtFirst, isGet, isListing, isOfCatalogue, isPut, noKey } from './s3-requests.ts';

const BLOCK = 64 * 1024;
const BLOCKS = 3;
const image = noise(BLOCKS * BLOCK, 'image');

let proxy: FaultProxy;
let s3: S3Lab;
let source: string;
beforeEach(async () => {
  proxy = await FaultProxy.start(Number(new URL(inject('ceph').s3.endpoint).port));
  s3 = await createS3Lab({ blockSize: BLOCK, workers: 1 }, proxy.endpoint);
  source = `file://${s3.lab.write('image', image)}`;
});
afterEach(async () => {
  await s3.remove();
  await proxy.stop();
});

const isRead = (request: SeenRequest) => request.method === 'GET' && isOfCatalogue(request);
const isWrite = (request: SeenRequest) => request.method === 'PUT' && isOfCatalogue(request);
const isOf = (part: string) => (request: SeenRequest) => request.path.includes(`backy2-catalogue/${part}/`);
const faults = () => proxy.requests.filter(({ fault }) => fault !== undefined).length;
const failing = () => s3.lab.configure({ DataBackend: { request_timeout: 1, retry_time: 1 } });

/** Restores a version without the database. */
const fromStore = (uid: string) => s3.lab.run(['restore', '-f', '--from-store', uid, `file://${s3.lab.path('from-store')}`]);

/** The catalogue equals the database, and is enough to restore. */
async function expectCatalogued(uid: string): Promise<void> {
  proxy.reset();
  s3.lab.configure({});
  expect(s3.lab.version(uid).valid).toBe(1);
  await s3.lab.ok('catalogue', '--compare');
  const { code, stderr } = await fromStore(uid);
  expect(code, stderr).toBe(0);
  expect(sha256OfFile(s3.lab.path('from-store'))).toBe(sha256(image));
}

describe.each<[string, Fault]>([
  ['connections that are reset after the server has done the work', { kind: 'resetAfter' }],
  ['503 SlowDown', busy],
  ['500 InternalError', broken],
  ['an answer that is cut', { kind: 'cutBody' }],
])('when each request for the catalogue first meets %s', (_, fault) => {
  test('a backup writes it, and it restores', async () => {
    proxy.decide = eachAtFirst(isOfCatalogue, fault);
    const uid = await s3.lab.backup(source, 'vm');
    // Two listings, a leaf, a list and a head; the answer to a PUT has no body to cut.
    expect(faults()).toBe(5);
    proxy.reset();
    proxy.decide = eachAtFirst(isRead, fault);
    const { code, stderr } = await fromStore(uid);
    expect(code, stderr).toBe(0);
    expect(faults()).toBeGreaterThan(2);
    expect(sha256OfFile(s3.lab.path('from-store'))).toBe(sha256(image));
    await expectCatalogued(uid);
  });
});

test.each<[string, Fault]>([
  ['leaves', busy],
  ['lists', broken],
  ['versions', { kind: 'resetAfter' }],
])('a server that never takes the %s stops a backup with exit code 6, and it can be resumed', async (part, fault) => {
  failing();
  proxy.decide = (request) => (isWrite(request) && isOf(part)(request) ? fault : undefined);
  const result = await s3.lab.run(['-m', 'backup', source, 'vm']);
  expectFailure(result, 6, /backy2-catalogue\/.* \(tried \d+ times in \d+ s\)\..*backup -c/);
  const uid = uidOf(result.stdout);
  expect(s3.lab.version(uid).valid).toBe(0);
  proxy.reset();
  s3.lab.configure({});
  await s3.lab.ok('backup', '-c', uid, source, 'vm');
  expect(proxy.requests.filter(isPut)).toEqual([]);
  await expectCatalogued(uid);
});

describe('when reading the catalogue', () => {
  let uid: string;
  beforeEach(async () => {
    uid = await s3.lab.backup(source, 'vm');
  });

  test('a single wrong 404 is retried', async () => {
    proxy.decide = eachAtFirst((request) => isRead(request) && !isListing(request), noKey);
    const { code, stderr } = await fromStore(uid);
    expect(code, stderr).toBe(0);
    expect(faults()).toBe(3);
    await expectCatalogued(uid);
  });

  test('a leaf that is gone for good is named, and its blocks are not restored', async () => {
    proxy.decide = (request) => (isRead(request) && isOf('leaves')(request) ? noKey : undefined);
    const { code, stderr } = await fromStore(uid);
    expect(code).toBe(20);
    expect(stderr).toMatch(/leaves\/\w+\/\w+/);
    expect(proxy.requests.filter(isGet)).toEqual([]);
  });

  test.each<[string, Fault]>([
    ['503 SlowDown', busy],
    ['answers that are cut', { kind: 'cutBody' }],
  ])('%s for good end a restore with exit code 6', async (_, fault) => {
    failing();
    proxy.decide = (request) => (isRead(request) && !isListing(request) ? fault : undefined);
    expectFailure(await fromStore(uid), 6, /backy2-catalogue\/versions.* \(tried \d+ times/);
  });
});

test('a server that is busy for good does not stop protect: the next command writes the catalogue', async () => {
  const uid = await s3.lab.backup(source, 'vm');
  failing();
  proxy.decide = (request) => (isWrite(request) ? busy : undefined);
  const { code, stderr, stdout } = await s3.lab.run(['protect', uid]);
  expect(code, stderr).toBe(0);
  expect(`${stdout}${stderr}`.match(/WARNING: The catalogue .* is not up to date: .*503 SlowDown/g)).toHaveLength(1);
  proxy.reset();
  s3.lab.configure({});
  await s3.lab.backup(source, 'other');
  expect(proxy.requests.filter(isWrite).map(({ path }) => path)).toContainEqual(expect.stringContaining(`versions/${uid}`));
  await expectCatalogued(uid);
});

test('a cleanup that can never list the catalogue deletes nothing', async () => {
  const uid = await s3.lab.backup(source, 'vm');
  await s3.lab.ok('rm', uid);
  failing();
  proxy.decide = (request) => (isListing(request) && isOfCatalogue(request) ? busy : undefined);
  expectFailure(await s3.lab.run(['cleanup', '--dangerous-force']), 100, /503 SlowDown/);
  expect(await s3.keys()).toHaveLength(BLOCKS);
  proxy.reset();
  s3.lab.configure({});
  await s3.lab.ok('cleanup', '--dangerous-force');
  expect([await s3.keys(), await s3.catalogue()]).toEqual([[], []]);
});
