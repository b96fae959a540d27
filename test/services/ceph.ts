import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GuardedFolder } from './guard.ts';
import { findProgram } from './packages.ts';
import { freePorts } from './ports.ts';

/** How clients reach a cluster; plain data, so that it can go from process to process. */
export interface CephAddress {
  /** A client's ceph.conf, with monitor and keyring. The user is client.admin. */
  conf: string;
  keyring: string;
  /** A pool for images. */
  pool: 'vms';
  s3: S3Address;
}

/** Ceph's gateway as an S3 server. Path style only. */
export interface S3Address {
  /** `http://127.0.0.1:PORT`. */
  endpoint: string;
  region: string;
  accessKey: string;
  secretKey: string;
}

const PROGRAMS = ['ceph-mon', 'ceph-osd', 'ceph', 'rbd', 'radosgw', 'radosgw-admin', 'ceph-authtool', 'monmaptool'];
/** The gateway's port, the monitor's two, and the OSD's. */
const PORTS = 12;

/**
 * A single-node Ceph with its gateway (`ceph.sh`); needs about ten seconds and 250 MiB. It ends
 * with this process, in any case.
 */
export class CephCluster implements CephAddress {
  readonly pool = 'vms';
  readonly conf: string;
  readonly keyring: string;
  readonly s3: S3Address;
  readonly #folder: GuardedFolder;

  private constructor(folder: GuardedFolder, s3: S3Address) {
    this.#folder = folder;
    this.conf = join(folder.path, 'ceph.conf');
    this.keyring = join(folder.path, 'client.admin.keyring');
    this.s3 = s3;
  }

  /** @param gateway whether tests use S3 too. */
  static async start({ gateway = true }: { gateway?: boolean } = {}): Promise<CephCluster> {
    for (const name of PROGRAMS) findProgram(name);
    const port = await freePorts(PORTS);
    const folder = new GuardedFolder('ceph');
    const s3 = {
      endpoint: `http://127.0.0.1:${port}`,
      region: 'default',
      accessKey: gateway ? 'TESTSACCESSKEY000001' : '',
      secretKey: gateway ? 'testsSecretKey0123456789testsSecretKey01' : '',
    };
    try {
      await makeCluster(folder.path, port, s3);
    } catch (error) {
      await folder.dispose();
      throw error;
    }
    return new CephCluster(folder, s3);
  }

  /** The address as plain data. */
  get address(): CephAddress {
    return { conf: this.conf, keyring: this.keyring, pool: this.pool, s3: this.s3 };
  }

  /** Stops the cluster and removes its files. */
  stop(): Promise<void> {
    return this.#folder.dispose();
  }
}

async function makeCluster(folder: string, port: number, { accessKey, secretKey }: S3Address): Promise<void> {
  const script = fileURLToPath(new URL('ceph.sh', import.meta.url));
  // The servers keep inherited streams open: a pipe would never end.
  const starting = spawn('bash', [script, folder, String(port)], {
    env: { ...process.env, S3_ACCESS_KEY: accessKey, S3_SECRET_KEY: secretKey },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  starting.stderr.on('data', (chunk) => {
    said += chunk;
  });
  const [code] = await once(starting, 'close');
  if (code !== 0) throw new Error(`Ceph did not start:\n${said}`);
}
