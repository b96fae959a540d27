import type { GivenText, S3BackendOptions } from '../data/options.ts';
import type { Ini } from './ini.ts';
import { bool, type Kind, line, oneOf, path, wholeNumber } from './kinds.ts';
import { readOption } from './section.ts';
import { optionError } from './values.ts';

const SECTION = 'DataBackend';
/** The default region of S3 clients. */
const USUAL_REGION = 'us-east-1';
const STALL_SECONDS = 60;
const RETRY_SECONDS = 300;

const secret: Kind<string> = { ...line, show: () => 'the value (not shown)' };
const word: Kind<string> = { allowed: 'a word without spaces', parse: (text) => (/^\S*$/.test(text) ? text : undefined) };
const server: Kind<string> = {
  allowed: 'a URL of a server: http://host:port or https://host:port',
  parse: (text) => (text === '' || isServerUrl(text) ? text.replace(/\/+$/, '') : undefined),
  // A URL may contain a password.
  show: (text) => JSON.stringify(text.replace(/\/\/[^/]*@/, '//…@')),
};
const host: Kind<string> = {
  allowed: 'a server as host or host:port, without http:// and without a path',
  parse: (text) => (text === '' || /^(\[[0-9a-f:]+\]|[\w.-]+)(:\d{1,5})?$/i.test(text) ? text : undefined),
};
const bucketName: Kind<string> = {
  allowed: 'the name of a bucket: letters, digits, dots, dashes and underscores',
  parse: (text) => (/^[\w.-]{3,255}$/.test(text) ? text : undefined),
};
const style = oneOf<'auto' | 'path' | 'virtual'>({ auto: 'auto', path: 'path', virtual: 'virtual' });
const signature = oneOf({ s3v4: 's3v4' }, 's3v4, the only supported version');
const seconds = wholeNumber({ min: 1, max: 3600, unit: 'seconds' });

/**
 * Reads the options of type `s3` or `minio`. The types differ in how they name the server, but each
 * accepts the options of the other. Does not read the files of keys.
 * @throws BackyError `config` for the first wrong or missing option.
 */
export function readS3(ini: Ini, type: 's3' | 'minio'): S3BackendOptions {
  const read = <T>(option: string, kind: Kind<T>) => readOption(ini, { section: SECTION, option }, kind);
  const missing = (option: string, problem: string) => optionError(ini, { section: SECTION, option, problem });
  read('signature_version', signature);
  // Checked only: our listings never ask for an encoding.
  read('disable_encoding_type', bool);
  const region = read('region_name', word) || USUAL_REGION;
  const endpointUrl = read('endpoint_url', server) || undefined;
  const hostUrl = urlOfHost(read('host', host), read('secure', bool) ?? true);
  const useSsl = read('use_ssl', bool) ?? true;
  const endpoint = type === 's3' ? (endpointUrl ?? hostUrl) : (hostUrl ?? endpointUrl);
  if (type === 'minio' && endpoint === undefined) throw missing('host', `is missing; set it to ${host.allowed}.`);
  const bucket = read('bucket_name', bucketName);
  if (bucket === undefined) throw missing('bucket_name', `is missing; set it to ${bucketName.allowed}.`);
  const addressing = read('addressing_style', style) ?? 'auto';
  return {
    type: 's3',
    bucket,
    endpoint: endpoint ?? (useSsl ? undefined : `http://s3.${region}.amazonaws.com`),
    region,
    // As in the original's library: a private server seldom has a DNS name per bucket.
    pathStyle: addressing === 'path' || (addressing === 'auto' && endpoint !== undefined),
    credentials: readCredentials(read, missing),
    stallMs: (read('request_timeout', seconds) ?? STALL_SECONDS) * 1000,
    retryForMs: (read('retry_time', seconds) ?? RETRY_SECONDS) * 1000,
  };
}

function readCredentials(
  read: <T>(option: string, kind: Kind<T>) => T | undefined,
  missing: (option: string, problem: string) => Error,
): S3BackendOptions['credentials'] {
  const given = (option: string): GivenText | undefined => {
    const text = read(option, secret);
    if (text !== undefined && text !== '') return { text };
    const file = read(`${option}_file`, path);
    return file === undefined ? undefined : { file };
  };
  const accessKeyId = given('aws_access_key_id');
  const secretAccessKey = given('aws_secret_access_key');
  if (accessKeyId === undefined && secretAccessKey === undefined) return undefined;
  const other = (option: string) => missing(option, `is missing, as is ${option}_file; the other half of the key is set.`);
  if (accessKeyId === undefined) throw other('aws_access_key_id');
  if (secretAccessKey === undefined) throw other('aws_secret_access_key');
  return { accessKeyId, secretAccessKey };
}

function urlOfHost(name: string | undefined, isSecure: boolean): string | undefined {
  return name === undefined || name === '' ? undefined : `${isSecure ? 'https' : 'http'}://${name}`;
}

function isServerUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.search === '' && url.hash === '';
}
