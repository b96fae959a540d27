import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newBlobUid } from '../../../src/data/blob-uid.ts';
import { RetryingBackend } from '../../../src/data/retrying-backend.ts';
import { S3Backend } from '../../../src/data/s3/s3-backend.ts';
import { FakeS3, s3Error } from '../../support/servers/fake-s3.ts';

const signal = new AbortController().signal;
const blob = { uid: newBlobUid(), blockId: 0, plainBytes: 100 };

let server: FakeS3;
let backend: S3Backend;
beforeEach(async () => {
  server = await FakeS3.start();
  backend = new S3Backend(server.options());
});
afterEach(async () => {
  await backend.close();
  server.stop();
});

const failureOf = (promise: Promise<unknown>) => promise.then(() => undefined).catch((error: unknown) => error);
const get = () => failureOf(backend.get(blob, new Uint8Array(100), signal));

describe('keys in files', () => {
  let folder: string;
  const write = (id: string, secret: string) => {
    writeFileSync(join(folder, 'id'), `${id}\n`);
    writeFileSync(join(folder, 'secret'), `${secret}\n`);
  };
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'backy2-keys-'));
    write('OLD', 'old');
    let valid = 'OLD';
    server.rule = ({ accessKeyId }) => (accessKeyId === valid ? undefined : s3Error(403, 'InvalidAccessKeyId'));
    await backend.close();
    const credentials = { accessKeyId: { file: join(folder, 'id') }, secretAccessKey: { file: join(folder, 'secret') } };
    backend = new S3Backend(server.options({ credentials }));
    await backend.put(blob.uid, Buffer.alloc(100), signal);
    valid = 'NEW';
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('may be replaced while requests run: refused ones are made again with the new key', async () => {
    write('NEW', 'new');
    const uids = Array.from({ length: 5 }, newBlobUid);
    await Promise.all(uids.map((uid) => backend.put(uid, Buffer.alloc(100, uid), signal)));
    expect(server.objects.size).toBe(6);
    expect(server.requests.filter(({ accessKeyId }) => accessKeyId === 'OLD').length).toBeLessThanOrEqual(6);
    const before = server.requests.length;
    await backend.delete(uids);
    expect(server.requests.length).toBe(before + 1);
  });

  it('are named if they are refused and were not replaced, after one request', async () => {
    const before = server.requests.length;
    expect(await get()).toMatchObject({ hint: `Check ${join(folder, 'id')} (aws_access_key_id_file in section DataBackend).` });
    expect(server.requests.length).toBe(before + 1);
  });

  it('are refused with the reason if their files are gone', async () => {
    rmSync(folder, { recursive: true });
    expect(await get()).toMatchObject({ code: 'config', message: expect.stringContaining('aws_access_key_id_file') });
  });
});

describe('a refusal', () => {
  it.each([
    ['InvalidAccessKeyId', 'aws_access_key_id in section DataBackend'],
    ['SignatureDoesNotMatch', 'aws_secret_access_key in section DataBackend'],
  ])('%s names the option that is set', async (code, option) => {
    server.rule = () => s3Error(403, code);
    expect(await get()).toMatchObject({ hint: `Check ${option}.` });
  });

  it.each([
    [
      403,
      'AccessDenied',
      'no such policy.',
      /denies the access to bucket "bucket" \(403 AccessDenied: no such policy\)\./,
      /s3:GetO/,
    ],
    [403, 'AccessDenied', '', /\(403 AccessDenied\)\./, /s3:GetObject/],
    [
      403,
      'InvalidObjectState',
      'not valid for\n GLACIER',
      /archived.*403 InvalidObjectState: not valid for GLACIER/,
      /Restore it/,
    ],
    [403, 'UserSuspended', '', /suspended the user/, /administrator/],
    [403, 'RequestRefusedByFirewall', 'ask Bob', /answers 403 RequestRefusedByFirewall: ask Bob\./, /explains RequestRef/],
    [400, 'InvalidArgument', 'odd', /answers 400 InvalidArgument: odd\./, /Check the server and bucket/],
  ])('%i %s "%s" is quoted, with advice that fits', async (status, code, words, message, hint) => {
    server.rule = () => s3Error(status, code, words);
    expect(await get()).toMatchObject({
      code: 'dataBackend',
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    });
  });
});

describe('a server without DeleteObjects', () => {
  const uids = Array.from({ length: 40 }, newBlobUid);
  beforeEach(() => {
    for (const uid of uids) server.objects.set(uid, Buffer.alloc(1));
  });
  const withoutPost = (status: number, code: string) => {
    server.rule = ({ method }) => (method === 'POST' ? s3Error(status, code) : undefined);
  };

  it.each([
    [400, 'MalformedXML'],
    [405, 'MethodNotAllowed'],
    [501, 'NotImplemented'],
  ])('(%i %s) gets single deletions, and is asked only once', async (status, code) => {
    withoutPost(status, code);
    expect(await backend.delete(uids.slice(0, 30))).toMatchObject({ failed: [] });
    const { deleted, failed } = await backend.delete([...uids.slice(30), newBlobUid()]);
    expect([deleted.length, failed.length, server.objects.size]).toEqual([11, 0, 0]);
    expect(server.requests.filter(({ method }) => method === 'POST')).toHaveLength(1);
  });

  it('may deny one of them: the others are deleted', async () => {
    const [denied = ''] = uids;
    server.rule = ({ method, key }) => {
      if (method === 'POST') return s3Error(501, 'NotImplemented');
      return key === denied ? s3Error(403, 'AccessDenied', 'locked') : undefined;
    };
    const { deleted, failed } = await backend.delete(uids);
    expect(deleted.toSorted()).toEqual(uids.slice(1).toSorted());
    expect(failed).toMatchObject([{ uid: denied, reason: expect.stringContaining('403 AccessDenied: locked') }]);
  });

  it('may be overloaded: the deletion fails as a whole, for a retry', async () => {
    server.rule = ({ method }) => (method === 'POST' ? s3Error(501, 'NotImplemented') : s3Error(503, 'SlowDown'));
    await expect(backend.delete(uids)).rejects.toThrow('503 SlowDown');
  });

  it.each([
    [400, 'BadDigest'],
    [400, 'ExpiredToken'],
    [403, 'AccessDenied'],
    [503, 'SlowDown'],
  ])('is not concluded from %i %s', async (status, code) => {
    withoutPost(status, code);
    await expect(backend.delete(uids)).rejects.toThrow();
    expect(server.requests.map(({ method }) => method)).toEqual(['POST']);
  });
});

describe('what is kept after a deletion', () => {
  const tell = (versioning: string, lifecycle?: string) => {
    server.rule = ({ query }) => {
      const versions = `<VersioningConfiguration>${versioning}</VersioningConfiguration>`;
      if (query.has('versioning')) return { status: 200, body: versions };
      if (lifecycle === undefined) return s3Error(403, 'AccessDenied');
      return { status: 200, body: `<LifecycleConfiguration>${lifecycle}</LifecycleConfiguration>` };
    };
    return new RetryingBackend(backend, { retryForMs: 1, onRetry: () => {}, random: () => 0 }).describeKept();
  };
  const rule = (status: string, what: string) => `<Rule><Status>${status}</Status>${what}</Rule>`;
  const OLD = '<NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration>';

  it('is nothing in a bucket without versioning, or in one that does not tell', async () => {
    expect(await tell('')).toBeUndefined();
    server.rule = () => s3Error(403, 'AccessDenied');
    expect(await backend.describeKept()).toBeUndefined();
  });

  it.each(['Enabled', 'Suspended'])('is old versions with versioning (%s), unless a rule removes them', async (status) => {
    const on = `<Status>${status}</Status>`;
    expect(await tell(on, rule('Disabled', OLD))).toMatch(
      /^Bucket "bucket" at .* has versioning.*NoncurrentVersionExpiration\.$/,
    );
    expect(await tell(on, rule('Enabled', '<Expiration><Days>1</Days></Expiration>'))).toMatch(/still take space/);
    expect(await tell(on)).toMatch(/not known without s3:GetLifecycleConfiguration/);
    expect(await tell(on, rule('Enabled', OLD))).toBeUndefined();
  });
});
