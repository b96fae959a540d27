import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDataBackend } from '../../../src/data/open-backend.ts';
import type { RetryNotice } from '../../../src/data/retrier.ts';
import { S3Backend } from '../../../src/data/s3/s3-backend.ts';
import { objectStoreSuite } from '../../support/conformance/object-store.ts';
import { FakeS3, s3Error } from '../../support/servers/fake-s3.ts';

describe('objects of a bucket', () => {
  objectStoreSuite(async () => {
    const server = await FakeS3.start();
    return { open: () => new S3Backend(server.options()), dispose: async () => server.stop() };
  });
});

describe('objects of a bucket, with retries', () => {
  let server: FakeS3;
  let notices: RetryNotice[];
  beforeEach(async () => {
    server = await FakeS3.start();
    notices = [];
  });
  afterEach(() => server.stop());

  const open = () => {
    const limits = { simultaneousReads: 1, simultaneousWrites: 1, bandwidthRead: 0, bandwidthWrite: 0 };
    return openDataBackend({ ...limits, backend: server.options({ retryForMs: 60_000 }) }, (notice) => notices.push(notice));
  };
  const names = Array.from({ length: 20 }, (_, i) => `backy2-catalogue/leaves/f/${i}`);
  const objects = names.map((name) => ({ name, bytes: Buffer.from(name) }));

  it('repeat what the server refused for a moment, each on its own', async () => {
    const backend = open();
    let refusals = 2;
    server.rule = ({ key, body, headers }) => {
      if (key === names[7] && refusals-- > 0) return s3Error(503, 'SlowDown');
      const md5 = createHash('md5').update(body).digest('base64');
      return headers['content-md5'] === md5 ? undefined : s3Error(400, 'BadDigest');
    };
    await backend.objects?.put(objects);
    expect(notices).toHaveLength(2);
    expect([...server.objects.keys()].sort()).toEqual([...names].sort());
    expect(server.requests).toHaveLength(22);
    await backend.close();
  });

  it('are missing only if the server says so several times', async () => {
    const backend = open();
    server.objects.set(names[0] ?? '', Buffer.from('there'));
    let wrongAnswers = 1;
    server.rule = () => (wrongAnswers-- > 0 ? s3Error(404, 'NoSuchKey') : undefined);
    expect(Buffer.from((await backend.objects?.get(names[0] ?? '')) ?? []).toString()).toBe('there');
    await backend.close();
  });

  it('name the objects that could not be deleted', async () => {
    const backend = open();
    const error = `<Error><Key>${names[3]}</Key><Code>AccessDenied</Code></Error>`;
    server.rule = ({ method }) =>
      method === 'POST' ? { status: 200, body: `<DeleteResult>${error}</DeleteResult>` } : undefined;
    await expect(backend.objects?.delete([names[3] ?? ''])).rejects.toThrow(
      /Cannot delete 1 objects, the first is .*\/3: AccessDenied/,
    );
    await backend.close();
  });
});
