import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const SERVICES = fileURLToPath(new URL('../../test/services/', import.meta.url));
const PATH = `${process.env.PATH}:/usr/local/sbin:/usr/sbin:/sbin`;
const PROGRAMS = ['ceph-mon', 'ceph-osd', 'ceph', 'rbd', 'ceph-authtool', 'monmaptool'];
/** The number of ports that ceph.sh takes. */
const PORTS = 12;

/** Programs of a cluster, and `more`, that are not installed. @param {string[]} more */
export function missingPrograms(...more) {
  const env = { ...process.env, PATH };
  return [...PROGRAMS, ...more].filter((name) => spawnSync('sh', ['-c', `command -v ${name}`], { env }).status !== 0);
}

/**
 * A user of the gateway.
 * @typedef {{ accessKey: string, secretKey: string }} S3User
 */

/** The tests' single-node Ceph. It ends with this process, in any case. */
export class Ceph {
  /**
   * @param {string} folder
   * @param {import('node:child_process').ChildProcess} guard
   * @param {number} port the first one: that of the gateway.
   */
  constructor(folder, guard, port) {
    this.conf = join(folder, 'ceph.conf');
    this.guard = guard;
    this.port = port;
  }

  /** Starts it, with a gateway if there is a user for that. @param {S3User} [user] */
  static async start({ accessKey, secretKey } = { accessKey: '', secretKey: '' }) {
    // Unix sockets need short paths, so not in the workspace's folder.
    const folder = mkdtempSync('/tmp/backy2-bench-ceph-');
    mkdirSync(join(folder, 'run'));
    const guard = spawn('bash', [join(SERVICES, 'guard.sh'), folder], { detached: true, stdio: ['pipe', 'ignore', 'inherit'] });
    guard.unref();
    const ceph = new Ceph(folder, guard, await freePorts());
    const start = spawn('bash', [join(SERVICES, 'ceph.sh'), folder, String(ceph.port)], {
      env: { ...process.env, S3_ACCESS_KEY: accessKey, S3_SECRET_KEY: secretKey },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const [code] = await once(start, 'close');
    if (code === 0) return ceph;
    await ceph.stop();
    throw new Error('Ceph did not start');
  }

  /** Runs rbd. @param {string[]} words @returns {Promise<string>} its output. */
  async rbd(...words) {
    const env = { ...process.env, PATH };
    return (await promisify(execFile)('rbd', ['--conf', this.conf, ...words], { env, maxBuffer: 2 ** 30 })).stdout;
  }

  /** Runs a shell command with rbd on its PATH. @param {string} line @returns seconds. */
  async seconds(line) {
    const start = performance.now();
    const child = spawn('sh', ['-c', line], {
      env: { ...process.env, PATH, CEPH_CONF: this.conf },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const [code] = await once(child, 'close');
    if (code !== 0) throw new Error(`${line} ended with ${code}`);
    return (performance.now() - start) / 1000;
  }

  async stop() {
    const ended = once(this.guard, 'exit');
    this.guard.ref();
    this.guard.stdin?.end();
    await ended;
  }
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
