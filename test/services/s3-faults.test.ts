import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { sha256 } from '../support/images/sha256.ts';
import { expectFailure } from '../support/labs/expect-failure.ts';
import { uidOf } from '../support/labs/lab.ts';
import { type Fault, FaultProxy, firstRequests, type SeenRequest } from '../support/servers/fault-proxy.ts';
import { createS3Lab, type S3Lab } from './s3-lab.ts';
import { broken, busy, eachAtFirst, isDelete, isGet, isListing, isOfCatalogue, isOfId, isPut, noKey } from './s3-requests.ts';

/** One job per block: small blocks travel, and fail, together. */
const BLOCK = 1024 * 1024;
const BLOCKS = 12;
const image = noise(BLOCKS * BLOCK, 'image');

let proxy: FaultProxy;
let s3: S3Lab;
let source: string;
beforeEach(async () => {
  proxy = await FaultProxy.start(Number(new URL(inject('ceph').s3.endpoint).port));
  s3 = await createS3Lab({ blockSize: BLOCK, workers: 2 }, proxy.endpoint);
  source = `file://${s3.lab.write('image', image)}`;
});
afterEach(async () => {
  await s3.remove();
  await proxy.stop();
});

const faults = () => proxy.requests.filter(({ fault }) => fault !== undefined).length;

/**
 * Every blob of the bucket belongs to a row, every object of the catalogue to the version, which
 * equals the backed-up bytes.
 */
async function expectWhole(uid: string): Promise<void> {
  proxy.reset();
  expect(s3.lab.version(uid).valid).toBe(1);
  expect(await s3.lab.restoredSha256(uid)).toBe(sha256(image));
  expect(await s3.keys()).toEqual(
    s3.lab
      .blocks(uid)
      .map((block) => block.uid)
      .sort(),
  );
  await expectManifest(uid);
}

/** The catalogue has one leaf, one list and the head of a version, and nothing else. */
async function expectManifest(uid: string): Promise<void> {
  const kinds = [/^leaves\/\w{32}\/\w{32}$/, new RegExp(`^lists/\\w{32}/${uid}-\\w{16}$`), new RegExp(`^versions/${uid}$`)];
  expect(await s3.catalogue()).toEqual(kinds.map((kind) => expect.stringMatching(kind)));
}

test('a backup requests the id, stores, and requests it again; with the allowed number of connections', async () => {
  // The first command makes the id and sends more requests.
  await s3.lab.backup(`file://${s3.lab.write('first', noise(BLOCK, 'first'))}`, 'vm');
  proxy.reset();
  proxy.latencyMs = 100;
  await s3.lab.backup(source, 'vm');
  expect(proxy.maxInFlight).toBe(5);
  const asked = proxy.requests.map((request) => {
    if (isListing(request)) return isOfId(request) ? 'id' : 'list';
    return isOfCatalogue(request) ? `${request.method} catalogue` : request.method;
  });
  const catalogue = ['id', 'list', ...new Array(3).fill('PUT catalogue'), 'list'];
  expect(asked).toEqual(['id', ...new Array(BLOCKS).fill('PUT'), 'id', ...catalogue]);
});

test('a server that is busy for a while after all is stored does not stop a backup', async () => {
  await s3.lab.backup(`file://${s3.lab.write('first', noise(BLOCK, 'first'))}`, 'vm');
  proxy.reset();
  let puts = 0;
  const isAfterAll = (request: SeenRequest) => {
    if (isPut(request)) puts++;
    return puts >= BLOCKS && isOfId(request);
  };
  proxy.decide = firstRequests(5, isAfterAll, busy);
  const uid = await s3.lab.backup(source, 'vm');
  expect(faults()).toBe(5);
  proxy.reset();
  expect(await s3.lab.restoredSha256(uid)).toBe(sha256(image));
});

describe.each<[string, number, Fault]>([
  ['connections that are reset before the server hears of it', 8, { kind: 'resetBefore' }],
  ['connections that are reset after the server has stored the object', 8, { kind: 'resetAfter' }],
  ['a burst of 503 SlowDown', 20, busy],
  ['a burst of 500 InternalError', 20, broken],
  ['a server that hangs and stores nothing', 4, { kind: 'hang' }],
  ['a server that stores and then hangs', 4, { kind: 'hang', reaches: true }],
])('%s', (_, count, fault) => {
  test('does not stop a backup', async () => {
    proxy.decide = firstRequests(count, isPut, fault);
    const { code, stdout, stderr } = await s3.lab.run(['backup', source, 'vm']);
    expect(code, stderr).toBe(0);
    expect(faults()).toBe(count);
    expect(stdout).toMatch(/WARNING: Cannot store blob \w{32}: .* It is tried again\./);
    await expectWhole(s3.lab.versions()[0]?.uid ?? '');
  });

  test('for good stops a backup with exit code 6, and it can be resumed', async () => {
    s3.lab.configure({ DataBackend: { request_timeout: 1, retry_time: 1 } });
    let puts = 0;
    proxy.decide = (request) => (isPut(request) && puts++ >= 4 ? fault : undefined);
    const result = await s3.lab.run(['-m', 'backup', source, 'vm']);
    expectFailure(result, 6, /Cannot store blob .* \(tried \d+ times in \d+ s\)\..*backup -c/);
    const uid = uidOf(result.stdout);
    expect(s3.lab.version(uid).valid).toBe(0);
    proxy.reset();
    await s3.lab.ok('backup', '-c', uid, source, 'vm');
    expect(proxy.requests.filter(isPut).length).toBeLessThan(BLOCKS);
    expect(s3.lab.version(uid).valid).toBe(1);
    expect(await s3.lab.restoredSha256(uid)).toBe(sha256(image));
    // A blob that was stored but whose answer got lost has no row.
    await s3.lab.ok('cleanup', '--full');
    await expectWhole(uid);
  });
});

describe.each<[string, number, Fault]>([
  ['connections that are reset', 6, { kind: 'resetBefore' }],
  ['answers of 200 whose body is cut', 6, { kind: 'cutBody' }],
  ['a burst of 503 SlowDown', 20, busy],
  ['a server that hangs', 3, { kind: 'hang' }],
])('when reading meets %s', (_, count, fault) => {
  test('nothing is lost and nothing marked', async () => {
    const uid = await s3.lab.backup(source, 'vm');
    proxy.decide = firstRequests(count, isGet, fault);
    await s3.lab.ok('scrub', uid);
    proxy.decide = firstRequests(count, isGet, fault);
    expect(await s3.lab.restoredSha256(uid)).toBe(sha256(image));
    expect(faults()).toBe(2 * count);
    await expectWhole(uid);
  });

  test('for good, restore ends with exit code 6 and a hint how to resume; scrub marks nothing', async () => {
    const uid = await s3.lab.backup(source, 'vm');
    s3.lab.configure({ DataBackend: { request_timeout: 1, retry_time: 1 } });
    let gets = 0;
    proxy.decide = (request) => (isGet(request) && gets++ >= 4 ? fault : undefined);
    const target = `file://${s3.lab.path('target')}`;
    expectFailure(await s3.lab.run(['restore', uid, target]), 6, /Cannot read blob .* \(tried \d+ times.*restore -f -c/);
    gets = 0;
    expectFailure(await s3.lab.run(['scrub', uid]), 100, /Cannot read blob/);
    await expectWhole(uid);
  });
});

test('a single wrong 404 is retried; three in a row are believed', async () => {
  const uid = await s3.lab.backup(source, 'vm');
  proxy.decide = firstRequests(1, isGet, noKey);
  await s3.lab.ok('scrub', uid);
  proxy.decide = firstRequests(1, isGet, noKey);
  expect(await s3.lab.restoredSha256(uid)).toBe(sha256(image));
  await expectWhole(uid);

  const gone = s3.lab.blocks(uid)[7]?.uid ?? '';
  proxy.decide = (request) => (isGet(request) && request.path.includes(gone) ? noKey : undefined);
  expect((await s3.lab.run(['scrub', uid])).code).toBe(20);
  expect(s3.lab.blocks(uid).flatMap(({ id, valid }) => (valid === 1 ? [] : [id]))).toEqual([7]);
});

test('a 404 that does not say which key is missing never marks a block', async () => {
  const uid = await s3.lab.backup(source, 'vm');
  s3.lab.configure({ DataBackend: { retry_time: 1 } });
  proxy.decide = (request) => (isGet(request) ? { ...noKey, code: 'NoSuchHost' } : undefined);
  expectFailure(await s3.lab.run(['scrub', uid]), 100, /answers 404/);
  await expectWhole(uid);
});

describe.each<[string, Fault]>([
  ['before the server hears of it', { kind: 'resetBefore' }],
  ['after the server has deleted', { kind: 'resetAfter' }],
  ['by an answer that is cut', { kind: 'cutBody' }],
  ['by an overloaded server', busy],
])('a cleanup that is disturbed %s', (_, fault) => {
  test('deletes what it must and forgets nothing else', async () => {
    await s3.lab.backup(source, 'vm');
    const uid = await s3.lab.backup(`file://${s3.lab.write('other', image.subarray(0, 5 * BLOCK))}`, 'vm');
    await s3.lab.ok('rm', s3.lab.versions()[0]?.uid ?? '');
    // Of the catalogue, and of blobs.
    proxy.decide = eachAtFirst(isDelete, fault);
    await s3.lab.ok('cleanup', '--dangerous-force');
    expect(faults()).toBeGreaterThan(2);
    await expectManifest(uid);
    expect(await s3.keys()).toEqual(
      s3.lab
        .blocks(uid)
        .map((block) => block.uid)
        .sort(),
    );
    expect(s3.lab.query('SELECT * FROM deleted_blocks')).toEqual([]);
  });

  test('continues a listing where it was', async () => {
    const uid = await s3.lab.backup(source, 'vm');
    s3.lab.sql('DELETE FROM blocks WHERE id > 3');
    proxy.decide = eachAtFirst(isListing, fault);
    await s3.lab.ok('cleanup', '--full', '--yes-delete', '1000');
    expect(faults()).toBeGreaterThan(3);
    expect(await s3.keys()).toEqual(
      s3.lab
        .blocks(uid)
        .map((block) => block.uid)
        .sort(),
    );
  });
});

test.each(['yes', 'no'])('a cleanup whose deletes fail keeps every candidate, catalogue: %s', async (catalogue) => {
  s3.lab.configure({ DataBackend: { catalogue } });
  const uid = await s3.lab.backup(source, 'vm');
  await s3.lab.ok('rm', uid);
  s3.lab.configure({ DataBackend: { retry_time: 1, catalogue } });
  proxy.decide = (request) => (isDelete(request) ? busy : undefined);
  expectFailure(await s3.lab.run(['cleanup', '--dangerous-force']), 100, /Cannot delete blobs: .*503 SlowDown/);
  expect((await s3.keys()).length).toBe(BLOCKS);
  proxy.reset();
  await s3.lab.ok('cleanup', '--dangerous-force');
  expect(await s3.keys()).toEqual([]);
  expect(await s3.catalogue()).toEqual([]);
  expect(s3.lab.query('SELECT * FROM deleted_blocks')).toEqual([]);
});

test.each<[string, (request: SeenRequest, puts: number) => boolean]>([
  ['in the middle', (request, puts) => isPut(request) && puts > 8],
  ['when all is stored', (request, puts) => !isPut(request) && puts === BLOCKS],
])('SIGTERM while the server hangs %s ends a backup all the same, and it can be continued', async (_, hangs) => {
  let puts = 0;
  proxy.decide = (request) => {
    if (isPut(request)) puts++;
    return hangs(request, puts) ? { kind: 'hang' } : undefined;
  };
  s3.lab.configure({ DataBackend: { request_timeout: 600, retry_time: 600 } });
  const running = s3.lab.start(['-m', 'backup', source, 'vm']);
  await expect.poll(() => faults()).toBeGreaterThan(0);
  running.kill('SIGTERM');
  const { code, stdout } = await running.ended;
  expect(code).toBe(143);
  proxy.reset();
  s3.lab.configure({});
  await s3.lab.ok('backup', '-c', uidOf(stdout), source, 'vm');
  expect(await s3.lab.restoredSha256(uidOf(stdout))).toBe(sha256(image));
});
