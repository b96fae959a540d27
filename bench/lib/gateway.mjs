import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';

const PROGRAMS = ['ceph-mon', 'ceph-osd', 'ceph', 'rbd', 'radosgw', 'radosgw-admin', 'ceph-authtool', 'monmaptool'];
/** The number of ports that ceph.sh takes. */
const PORTS = 12;
const BUCKET = 'bench';

/**
 * The address of a single-node Ceph's gateway, and a bucket in it.
 * @typedef {{ endpoint: string, port: number, bucket: string, accessKey: string,
 *   secretKey: string }} S3Address
 */

/** Programs of the servers that are not installed. */
export function missingPrograms() {
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/local/sbin:/usr/sbin:/sbin` };
  return PROGRAMS.filter((name) => spawnSync('sh', ['-c', `command -v ${name}`], { env }).status !== 0);
}

/** Starts it with the scripts of the tests. It ends with this process, or when `stop` is called. */
export async function startGateway() {
  // Unix sockets need short paths, so not in the workspace's folder.
  const folder = mkdtempSync('/tmp/backy2-bench-ceph-');
  mkdirSync(join(folder, 'run'));
  const guard = spawn('bash', [script('guard.sh'), folder], { detached: true, stdio: ['pipe', 'ignore', 'inherit'] });
  const port = await freePorts();
  /** @type {S3Address} */
  const address = {
    endpoint: `http://127.0.0.1:${port}`,
    port,
    bucket: BUCKET,
    accessKey: 'BENCHACCESSKEY000001',
    secretKey: 'benchSecretKey0123456789benchSecretKey01',
  };
  const env = { ...process.env, S3_ACCESS_KEY: address.accessKey, S3_SECRET_KEY: address.secretKey };
  const starting = spawn('bash', [script('ceph.sh'), folder, String(port)], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const stop = async () => {
    const ended = once(guard, 'exit');
    guard.stdin?.end();
    await ended;
  };
  const [code] = await once(starting, 'close');
  if (code !== 0) {
    await stop();
    throw new Error('Ceph did not start');
  }
  const client = bareClient(address);
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  client.destroy();
  return { address, stop };
}

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

/**
 * The SDK with its defaults, but without retries, which would hide failures.
 * @param {S3Address} address
 */
export function bareClient({ endpoint, accessKey, secretKey }) {
  return new S3Client({
    endpoint,
    region: 'default',
    forcePathStyle: true,
    maxAttempts: 1,
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
  });
}

/** @param {string} name */
function script(name) {
  return fileURLToPath(new URL(`../../test/services/${name}`, import.meta.url));
}

/** Finds enough free ports in a row. @returns the first. */
async function freePorts() {
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * 12_000);
    const checks = Array.from({ length: PORTS }, (_, n) => isFree(first + n));
    if ((await Promise.all(checks)).every(Boolean)) return first;
  }
}

/** @param {number} port @returns {Promise<boolean>} */
function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
