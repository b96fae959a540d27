import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const SERVICES = fileURLToPath(new URL('../../test/services/', import.meta.url));
const PATH = `${process.env.PATH}:/usr/local/sbin:/usr/sbin:/sbin`;
const PORT = Number(process.env.BACKY2_BENCH_CEPH_PORT ?? 18840);

/** Whether the packages of Ceph that a cluster needs are installed. */
export function hasCeph() {
  const programs = ['ceph-mon', 'ceph-osd', 'ceph', 'rbd', 'radosgw', 'ceph-authtool', 'monmaptool'];
  return programs.every((name) => spawnSync('sh', ['-c', `command -v ${name}`], { env: { ...process.env, PATH } }).status === 0);
}

/** The tests' single-node Ceph. It ends with this process, in any case. */
export class Ceph {
  /** @param {string} folder @param {import('node:child_process').ChildProcess} guard */
  constructor(folder, guard) {
    this.conf = join(folder, 'ceph.conf');
    this.guard = guard;
  }

  static async start() {
    const folder = mkdtempSync('/tmp/backy2-bench-ceph-');
    mkdirSync(join(folder, 'run'));
    const guard = spawn('bash', [join(SERVICES, 'guard.sh'), folder], { detached: true, stdio: ['pipe', 'ignore', 'inherit'] });
    guard.unref();
    const user = { S3_ACCESS_KEY: 'BENCHACCESSKEY000001', S3_SECRET_KEY: 'benchSecretKey0123456789benchSecretKey01' };
    const start = spawn('bash', [join(SERVICES, 'ceph.sh'), folder, String(PORT)], {
      env: { ...process.env, ...user },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const [code] = await once(start, 'close');
    const ceph = new Ceph(folder, guard);
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
