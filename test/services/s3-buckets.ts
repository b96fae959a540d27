import { createHash, createHmac } from 'node:crypto';
import type { S3Address } from './ceph.ts';

/** Prefix of the object whose name holds the bucket's store id. */
export const STORE_PREFIX = 'backy2-store-';

/** Prefix of the objects of the catalogue. */
export const CATALOGUE_PREFIX = 'backy2-catalogue/';

/** The protocol's limit for one request. */
const MOST_DELETES = 1000;

/** Parts of a request besides its path. Names of headers in lower case. */
interface RequestOptions {
  query?: Record<string, string>;
  body?: Buffer;
  headers?: Record<string, string>;
}

/** Makes a bucket with a new name. @returns its name. */
export async function createBucket(address: S3Address, name = `bucket-${Math.random().toString(36).slice(2)}`): Promise<string> {
  await s3Request(address, 'PUT', `/${name}`);
  return name;
}

/** Removes a bucket and its content. */
export async function deleteBucket(address: S3Address, name: string): Promise<void> {
  for (let keys = await listKeys(address, name); keys.length > 0; keys = keys.slice(MOST_DELETES)) {
    const objects = keys.slice(0, MOST_DELETES).map((key) => `<Object><Key>${escapeXml(key)}</Key></Object>`);
    const body = Buffer.from(`<Delete><Quiet>true</Quiet>${objects.join('')}</Delete>`);
    const headers = { 'content-md5': createHash('md5').update(body).digest('base64') };
    await s3Request(address, 'POST', `/${name}`, { query: { delete: '' }, body, headers });
  }
  await s3Request(address, 'DELETE', `/${name}`);
}

/** All keys of a bucket, sorted. */
export async function listKeys(address: S3Address, bucket: string): Promise<string[]> {
  return (await listObjects(address, bucket)).map(({ key }) => key);
}

/** The same without the object that names the store, and without the catalogue. */
export async function listOtherKeys(address: S3Address, bucket: string): Promise<string[]> {
  return (await listKeys(address, bucket)).filter(isBlobKey);
}

/** Whether an object is neither the one that names the store nor one of the catalogue. */
export function isBlobKey(key: string): boolean {
  return ![STORE_PREFIX, CATALOGUE_PREFIX].some((prefix) => key.startsWith(prefix));
}

/** Keys of the catalogue without their prefix, sorted. */
export async function listCatalogue(address: S3Address, bucket: string): Promise<string[]> {
  const keys = (await listKeys(address, bucket)).filter((key) => key.startsWith(CATALOGUE_PREFIX));
  return keys.map((key) => key.slice(CATALOGUE_PREFIX.length));
}

/**
 * All objects of a bucket with their bytes, sorted by key. Decodes only XML's five predefined
 * entities.
 */
export async function listObjects(address: S3Address, bucket: string): Promise<{ key: string; size: number }[]> {
  const objects: { key: string; size: number }[] = [];
  for (let after = ''; ; after = objects.at(-1)?.key ?? '') {
    const query: Record<string, string> = { 'list-type': '2', ...(after === '' ? {} : { 'start-after': after }) };
    const xml = (await s3Request(address, 'GET', `/${bucket}`, { query })).toString();
    for (const [, key = '', size] of xml.matchAll(/<Key>([^<]*)<\/Key>.*?<Size>(\d+)<\/Size>/gs))
      objects.push({ key: unescapeXml(key), size: Number(size) });
    if (!xml.includes('<IsTruncated>true</IsTruncated>')) return objects;
  }
}

/** Copies an object within the server. Paths are `/bucket/key`. */
export async function copyObject(address: S3Address, { from, to }: { from: string; to: string }): Promise<void> {
  await s3Request(address, 'PUT', to, { headers: { 'x-amz-copy-source': from } });
}

/**
 * Sends a signed request (AWS signature 4) with nothing but Node: tests must not prepare and check
 * with the client under test.
 * @returns the body. @throws Error for any status but 2xx.
 */
export async function s3Request(
  { endpoint, region, accessKey, secretKey }: S3Address,
  method: 'GET' | 'PUT' | 'POST' | 'DELETE' | 'HEAD',
  path: string,
  { query = {}, body = Buffer.alloc(0), headers: more = {} }: RequestOptions = {},
): Promise<Buffer> {
  const { host } = new URL(endpoint);
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const hash = createHash('sha256').update(body).digest('hex');
  const words = Object.entries(query).map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
  const queryText = words.sort().join('&');
  const unsorted = { ...more, host, 'x-amz-content-sha256': hash, 'x-amz-date': time };
  const headers = Object.fromEntries(Object.entries(unsorted).sort(([a], [b]) => (a < b ? -1 : 1)));
  const signed = Object.keys(headers).join(';');
  const headerText = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
  const canonical = [method, path, queryText, headerText.join(''), signed, hash].join('\n');
  const scope = [time.slice(0, 8), region, 's3', 'aws4_request'];
  const toSign = ['AWS4-HMAC-SHA256', time, scope.join('/'), createHash('sha256').update(canonical).digest('hex')].join('\n');
  const key = scope.reduce<Buffer | string>((k, word) => createHmac('sha256', k).update(word).digest(), `AWS4${secretKey}`);
  const signature = createHmac('sha256', key).update(toSign).digest('hex');
  const { host: _, ...sent } = headers;
  const authorization = `AWS4-HMAC-SHA256 Credential=${accessKey}/${scope.join('/')}, SignedHeaders=${signed}, Signature=${signature}`;
  const response = await fetch(`${endpoint}${path}${queryText === '' ? '' : `?${queryText}`}`, {
    method,
    headers: { ...sent, authorization },
    ...(method === 'PUT' || method === 'POST' ? { body: new Uint8Array(body) } : {}),
  });
  const answer = Buffer.from(await response.arrayBuffer());
  if (!response.ok) throw new Error(`${method} ${path} was answered with ${response.status}: ${answer}`);
  return answer;
}

function escapeXml(text: string): string {
  return text.replace(/[<>&]/g, (sign) => ({ '<': '&lt;', '>': '&gt;', '&': '&amp;' })[sign] ?? sign);
}

function unescapeXml(text: string): string {
  const signs: Record<string, string> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (whole, name: string) => signs[name] ?? whole);
}
