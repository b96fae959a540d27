import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { newBlobUid } from '../../src/data/blob-uid.ts';
import { noise } from '../support/images/random.ts';
import { sha256 } from '../support/images/sha256.ts';
import { encrypted } from '../support/labs/encryption.ts';
import { s3Request } from './s3-buckets.ts';
import { createS3Lab, type S3Lab } from './s3-lab.ts';

const BLOCK = 64 * 1024;
const first = Buffer.concat([noise(20 * BLOCK, 'image'), Buffer.alloc(4 * BLOCK), noise(BLOCK + 17, 'end')]);
const second = Buffer.from(first);
noise(2 * BLOCK, 'changed').copy(second, 5 * BLOCK);

describe.each([
  ['plain', {}],
  ['encrypted', encrypted()],
])('with blobs in S3, %s', (_, config) => {
  let s3: S3Lab;
  beforeEach(async () => {
    s3 = await createS3Lab({ blockSize: BLOCK, config });
  });
  afterEach(() => s3.remove());

  const rowUids = () => [...new Set(s3.lab.blocks().flatMap(({ uid }) => uid ?? []))].sort();

  test('backups are stored once, scrubbed, restored, removed and cleaned up', async () => {
    const { lab } = s3;
    const image = lab.write('image', first);
    const old = await lab.backup(`file://${image}`, 'vm');
    expect(await s3.keys()).toEqual(rowUids());
    expect((await s3.keys()).length).toBe(22);
    writeFileSync(image, second);
    const young = await lab.backup(`file://${image}`, 'vm');
    expect((await s3.keys()).length).toBe(24);
    for (const uid of [old, young]) await lab.ok('scrub', uid);
    await lab.ok('scrub', '-s', `file://${image}`, young);
    expect(await lab.restoredSha256(old)).toBe(sha256(first));
    expect(await lab.restoredSha256(young)).toBe(sha256(second));

    await lab.ok('rm', old);
    await lab.ok('cleanup', '--dangerous-force');
    expect(await s3.keys()).toEqual(rowUids());
    expect((await s3.keys()).length).toBe(22);
    expect(lab.query('SELECT * FROM deleted_blocks')).toEqual([]);
    expect(await lab.restoredSha256(young)).toBe(sha256(second));
  });

  test('cleanup --full deletes blobs that no row names, and nothing else', async () => {
    const { lab, bucket } = s3;
    const uid = await lab.backup(`file://${lab.write('image', first)}`, 'vm');
    const unnamed = Array.from({ length: 3 }, newBlobUid);
    for (const key of [...unnamed, 'README.txt'])
      await s3Request(inject('ceph').s3, 'PUT', `/${bucket}/${key}`, { body: Buffer.from('x') });
    await lab.ok('cleanup', '--full');
    expect(await s3.keys()).toEqual([...rowUids(), 'README.txt'].sort());
    expect(await lab.restoredSha256(uid)).toBe(sha256(first));
  });

  test('a missing and a damaged blob are both found', async () => {
    const { lab, bucket } = s3;
    const uid = await lab.backup(`file://${lab.write('image', first)}`, 'vm');
    const [missing, damaged, cut] = [3, 4, 5].map((id) => `/${bucket}/${lab.blocks(uid)[id]?.uid}`);
    const { s3: address } = inject('ceph');
    await s3Request(address, 'DELETE', missing ?? '');
    const blob = await s3Request(address, 'GET', damaged ?? '');
    blob[100] = (blob[100] ?? 0) ^ 1;
    await s3Request(address, 'PUT', damaged ?? '', { body: blob });
    await s3Request(address, 'PUT', cut ?? '', { body: blob.subarray(0, 50) });
    const { code, stderr } = await lab.run(['scrub', uid]);
    expect(code, stderr).toBe(20);
    expect(lab.blocks(uid).flatMap(({ id, valid }) => (valid === 1 ? [] : [id]))).toEqual([3, 4, 5]);
    expect(lab.version(uid).valid).toBe(0);
  });
});

test('keys may be in files, and the server may be named as for minio', async () => {
  const { accessKey, secretKey, endpoint } = inject('ceph').s3;
  const s3 = await createS3Lab({ blockSize: BLOCK });
  const { lab, bucket } = s3;
  lab.configure({
    DataBackend: {
      type: 'backy2.data_backends.minio',
      bucket_name: bucket,
      host: endpoint.replace('http://', ''),
      secure: 'false',
      endpoint_url: '',
      aws_access_key_id: '',
      aws_access_key_id_file: lab.write('id', `${accessKey}\n`),
      aws_secret_access_key: '',
      aws_secret_access_key_file: lab.write('secret', secretKey),
    },
  });
  const uid = await lab.backup(`file://${lab.write('image', first)}`, 'vm');
  expect(await lab.restoredSha256(uid)).toBe(sha256(first));
  expect(lab.log()).not.toContain(secretKey);
  await s3.remove();
});
