import { expect, test } from 'vitest';
import { secretsOf } from '../../../src/cli/log/secrets.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { configErrorOf, makeSandbox } from './sandbox.ts';

const load = (text: string) => {
  const { env, write } = makeSandbox();
  write('cwd/backy.cfg', `[DEFAULTS]\nencryption_version: 0\n[DataBackend]\n${text}\n`);
  return loadConfig('backy.cfg', env);
};
const backendOf = (text: string) => load(text).data.backend;
const errorOf = (text: string) => configErrorOf(() => load(text)).message;
const S3 = 'type: s3\nbucket_name: blobs\n';
const MINIO = 'type: minio\nbucket_name: blobs\n';
const KEYS = 'aws_access_key_id: KEY\naws_secret_access_key: geheim/+=\n';

test('a configuration of the original for S3 is read', () => {
  const text = `type: backy2.data_backends.s3
aws_access_key_id: KEY
aws_secret_access_key: 50%%/+=
region_name: eu-central-1
endpoint_url: http://127.0.0.1:10000/
use_ssl: false
bucket_name: backy2
addressing_style: path
signature_version: s3v4
disable_encoding_type: true
simultaneous_writes: 20
simultaneous_reads: 10
`;
  const config = load(text);
  expect(config.warnings).toEqual([]);
  expect(config.data).toEqual({
    simultaneousWrites: 20,
    simultaneousReads: 10,
    bandwidthRead: 0,
    bandwidthWrite: 0,
    backend: {
      type: 's3',
      bucket: 'backy2',
      endpoint: 'http://127.0.0.1:10000',
      region: 'eu-central-1',
      pathStyle: true,
      credentials: { accessKeyId: { text: 'KEY' }, secretAccessKey: { text: '50%/+=' } },
      stallMs: 60_000,
      retryForMs: 300_000,
    },
  });
  expect(secretsOf(config)).toContain('50%/+=');
});

test('a configuration of the original for minio is read', () => {
  const text = `type: backy2.data_backends.minio
aws_access_key_id: KEY
aws_secret_access_key: geheim
region_name: us-east-1
host: 127.0.0.1:9000
secure: false
bucket_name: backy2
`;
  const config = load(text);
  expect(config.warnings).toEqual([]);
  expect(config.data.backend).toMatchObject({ type: 's3', endpoint: 'http://127.0.0.1:9000', pathStyle: true, bucket: 'backy2' });
});

test.each([
  ['Amazon', S3, { endpoint: undefined, region: 'us-east-1', pathStyle: false }],
  [
    'Amazon without TLS',
    `${S3}use_ssl: no\nregion_name: eu-north-1`,
    { endpoint: 'http://s3.eu-north-1.amazonaws.com', pathStyle: false },
  ],
  ['Amazon with paths', `${S3}addressing_style: path`, { endpoint: undefined, pathStyle: true }],
  ['a server, whatever use_ssl says', `${S3}use_ssl: yes\nendpoint_url: http://a:1`, { endpoint: 'http://a:1', pathStyle: true }],
  [
    'a server with names for buckets',
    `${S3}endpoint_url: https://a\naddressing_style: virtual`,
    { endpoint: 'https://a', pathStyle: false },
  ],
  ['minio with TLS', `${MINIO}host: a.example.com`, { endpoint: 'https://a.example.com', pathStyle: true }],
  ['minio, named as for s3', `${MINIO}endpoint_url: http://a:1`, { endpoint: 'http://a:1' }],
  ['s3, named as for minio', `${S3}host: a:1\nsecure: off`, { endpoint: 'http://a:1' }],
  ['s3 with both', `${S3}host: a:1\nendpoint_url: http://b:2`, { endpoint: 'http://b:2' }],
  ['minio with both', `${MINIO}host: a:1\nsecure: 0\nendpoint_url: http://b:2`, { endpoint: 'http://a:1' }],
  ['IPv6', `${MINIO}host: [::1]:9000`, { endpoint: 'https://[::1]:9000' }],
])('the server: %s', (_, text, expected) => {
  expect(backendOf(text)).toMatchObject(expected);
});

test('keys may be in files, which are read only when needed', () => {
  const files = 'aws_access_key_id_file: /no/such/id\naws_secret_access_key_file: /no/such/secret\n';
  const inFiles = { accessKeyId: { file: '/no/such/id' }, secretAccessKey: { file: '/no/such/secret' } };
  expect(backendOf(S3 + files)).toMatchObject({ credentials: inFiles });
  const inline = { accessKeyId: { text: 'KEY' }, secretAccessKey: { text: 'geheim/+=' } };
  expect(backendOf(S3 + files + KEYS)).toMatchObject({ credentials: inline });
  expect(backendOf(S3)).toMatchObject({ credentials: undefined });
});

test('timeouts and retries can be set', () => {
  expect(backendOf(`${S3}request_timeout: 5\nretry_time: 30`)).toMatchObject({ stallMs: 5000, retryForMs: 30_000 });
});

test.each([
  ['type: s3', /\[DataBackend\] bucket_name: is missing; set it to the name of a bucket/],
  ['type: s3\nbucket_name: a/b', /bucket_name: "a\/b" is not the name of a bucket/],
  [MINIO, /host: is missing; set it to a server as host or host:port/],
  [`${MINIO}host: http://a:1`, /host: "http:\/\/a:1" is not a server as host or host:port/],
  [`${S3}endpoint_url: 127.0.0.1:9000`, /endpoint_url: "127.0.0.1:9000" is not a URL of a server: http:\/\/host:port/],
  [`${S3}endpoint_url: http://me:geheim@a`, /endpoint_url: "http:\/\/…@a" is not a URL/],
  [`${S3}use_ssl: maybe`, /use_ssl: "maybe" is not one of/],
  [`${S3}addressing_style: paht`, /addressing_style: "paht" is not one of auto, path, virtual. Did you mean path\?/],
  [`${S3}signature_version: s3`, /signature_version: "s3" is not s3v4/],
  [`${S3}disable_encoding_type: maybe`, /disable_encoding_type: "maybe" is not one of/],
  [`${S3}request_timeout: 0`, /request_timeout: "0" is not a whole number of seconds from 1 to 3600/],
  [`${S3}aws_access_key_id: KEY`, /aws_secret_access_key: is missing, as is aws_secret_access_key_file/],
  [`${S3}aws_secret_access_key: geheim`, /aws_access_key_id: is missing, as is aws_access_key_id_file/],
  [`${S3}aws_secret_access_key: geheim\n  region_name: x`, /aws_secret_access_key: the value \(not shown\) is not a single line/],
])('%j is an error', (text, message) => {
  expect(errorOf(text)).toMatch(message);
  expect(errorOf(text)).not.toMatch(/geheim/);
});
