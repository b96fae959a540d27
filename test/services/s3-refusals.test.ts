import { createServer } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, inject, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { expectFailure } from '../support/labs/expect-failure.ts';
import { clockAt } from '../support/program/clock.ts';
import { createS3Lab, type S3Lab } from './s3-lab.ts';

const BLOCK = 64 * 1024;
let s3: S3Lab;
let source: string;
let uid: string;
beforeAll(async () => {
  s3 = await createS3Lab({ blockSize: BLOCK, workers: 1 });
  source = `file://${s3.lab.write('image', noise(3 * BLOCK, 'image'))}`;
  uid = await s3.lab.backup(source, 'vm');
});
afterAll(() => s3.remove());
beforeEach(() => s3.lab.configure({}));

/** Mistakes in section DataBackend, and the messages they give. */
const WRONG: [string, () => Record<string, string | number>, RegExp][] = [
  ['key', () => ({ aws_access_key_id: 'NOSUCHKEY' }), /does not know the access key\. Check aws_access_key_id/],
  ['secret', () => ({ aws_secret_access_key: 'wrong-secret' }), /the secret key is wrong\. Check aws_secret_access_key/],
  [
    'bucket',
    () => ({ bucket_name: 'no-such-bucket' }),
    /there is no bucket "no-such-bucket" at http.* Create it, or check bucket_name/,
  ],
  [
    'port',
    () => ({ endpoint_url: 'http://127.0.0.1:1', retry_time: 1 }),
    /ECONNREFUSED.*tried [34] times.*Check the network, and that the server .* is up/,
  ],
  ['name', () => ({ endpoint_url: 'http://no.such.host.invalid', retry_time: 1 }), /no\.such\.host\.invalid.*DNS/],
  [
    'use of TLS',
    () => ({ endpoint_url: inject('ceph').s3.endpoint.replace('http', 'https') }),
    /no TLS connection to.*http:\/\//,
  ],
  [
    'file of a key',
    () => ({ aws_access_key_id: '', aws_access_key_id_file: '/no/such/file' }),
    /aws_access_key_id_file.*no such file/,
  ],
];

test.each(WRONG)('a wrong %s is named in one line before anything is done', async (_, wrong, said) => {
  s3.lab.configure({ DataBackend: wrong() });
  const before = s3.lab.dump();
  const isConfig = 'aws_access_key_id_file' in wrong();
  expectFailure(await s3.lab.run(['backup', source, 'vm']), isConfig ? 1 : 6, said);
  expectFailure(await s3.lab.run(['restore', uid, `file://${s3.lab.path('never')}`]), isConfig ? 1 : 6, said);
  expectFailure(await s3.lab.run(['scrub', uid]), isConfig ? 1 : 100, said);
  expectFailure(await s3.lab.run(['cleanup']), isConfig ? 1 : 100, said);
  expect(s3.lab.dump()).toEqual(before);
  await expect(s3.lab.restoredSha256(uid)).rejects.toThrow();
  expect(await s3.lab.ok('-ms', 'ls', '-f', 'uid')).toBe(`${uid}\n`);
});

test('a wrong clock is reported, with the difference', async () => {
  const env = clockAt(new Date(Date.now() + 3 * 3600_000));
  const result = await s3.lab.run(['backup', source, 'vm'], { env });
  expectFailure(result, 6, /the clock of this host is wrong, by 10\d\d\d s ahead\. Set the clock/);
});

test('a server that accepts connections and never answers is given up', async () => {
  const silent = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const address = silent.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  s3.lab.configure({ DataBackend: { endpoint_url: `http://127.0.0.1:${port}`, request_timeout: 1, retry_time: 1 } });
  const result = await s3.lab.run(['backup', source, 'vm']);
  silent.close();
  expectFailure(result, 6, /no byte moved for 1 s.*tried 3 times/);
});

test('a server that is no S3 server is reported as such', async () => {
  const { createServer } = await import('node:http');
  const web = createServer((_, answer) => answer.setHeader('content-type', 'text/html').end('<html>hello</html>'));
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
  const address = web.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  s3.lab.configure({ DataBackend: { endpoint_url: `http://127.0.0.1:${port}`, retry_time: 1 } });
  const result = await s3.lab.run(['backup', source, 'vm']);
  web.close();
  expectFailure(result, 6, /does not answer as an S3 server/);
});
