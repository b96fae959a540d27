import { existsSync } from 'node:fs';
import { BackyError } from '../../errors.ts';
import { type Handle, librados } from '../../native/librados.ts';
import type { RbdOptions } from '../options.ts';
import { cephError, checked, isErrno } from './ceph-errors.ts';
import { poolSpec, type RbdPlace } from './rbd-url.ts';

/** A connection to a cluster. Every call blocks: it needs a thread of its own. */
export class Cluster {
  readonly #cluster: Handle;
  readonly #pools = new Map<string, Handle>();

  /** Connects, which takes up to `connectTimeoutSeconds` when no monitor answers. */
  constructor(options: RbdOptions) {
    this.#cluster = create(options);
    try {
      configure(this.#cluster, options);
      connect(this.#cluster, options);
    } catch (error) {
      librados().shutdown(this.#cluster);
      throw error;
    }
  }

  /** The handle of a pool and namespace, which stays open until {@link close}. */
  pool(place: Pick<RbdPlace, 'pool' | 'namespace'>): Handle {
    const spec = poolSpec(place);
    const known = this.#pools.get(spec);
    if (known !== undefined) return known;
    const out = Buffer.alloc(8);
    const result = librados().openPool(this.#cluster, place.pool, out);
    if (isErrno(result, 'ENOENT')) {
      throw new BackyError('io', `There is no pool "${place.pool}".`, { hint: 'List pools with: ceph osd pool ls' });
    }
    checked(result, `open pool "${place.pool}"`);
    const pool = out.readBigUInt64LE();
    librados().setNamespace(pool, place.namespace);
    this.#pools.set(spec, pool);
    return pool;
  }

  /** All images MUST be closed. */
  close(): void {
    for (const pool of this.#pools.values()) librados().closePool(pool);
    librados().shutdown(this.#cluster);
  }
}

function create({ clusterName, radosName }: RbdOptions): Handle {
  const out = Buffer.alloc(8);
  const result = librados().create(out, clusterName, radosName, 0);
  if (result >= 0) return out.readBigUInt64LE();
  throw new BackyError('config', `[io_rbd] rados_name: "${radosName}" is no Ceph user.`, { hint: 'Write it like client.admin.' });
}

function configure(cluster: Handle, options: RbdOptions): void {
  const { conffile, clusterName, connectTimeoutSeconds, operationTimeoutSeconds } = options;
  const name = conffile ?? `/etc/ceph/${clusterName}.conf`;
  const result = librados().readConfigFile(cluster, conffile ?? null);
  if (isErrno(result, 'ENOENT')) {
    throw new BackyError('io', `There is no Ceph configuration ${name}.`, { hint: 'Name it with ceph_conffile in [io_rbd].' });
  }
  checked(result, `read the Ceph configuration ${name}`);
  const values = {
    // Errors appear once, in this program's words; a log_file in the Ceph configuration gets the
    // rest.
    log_to_stderr: 'false',
    err_to_stderr: 'false',
    client_mount_timeout: connectTimeoutSeconds,
    rados_mon_op_timeout: connectTimeoutSeconds,
    // librbd reports that an image is open, and then reads its state once more
    // (ImageState::complete_action_unlock). With two threads, the default, the other one may have
    // closed the image and freed the state: SIGABRT, SIGSEGV or a hang. One thread reads first and
    // closes then.
    librados_thread_count: 1,
    ...(operationTimeoutSeconds > 0 ? { rados_osd_op_timeout: operationTimeoutSeconds } : {}),
  };
  for (const [option, value] of Object.entries(values)) librados().setOption(cluster, option, String(value));
}

function connect(cluster: Handle, { radosName, connectTimeoutSeconds }: RbdOptions): void {
  const result = librados().connect(cluster);
  if (result >= 0) return;
  const keyrings = optionOf(cluster, 'keyring');
  if (isErrno(result, 'ETIMEDOUT')) {
    throw new BackyError(
      'io',
      `No Ceph monitor has answered for ${connectTimeoutSeconds} s (${optionOf(cluster, 'mon_host')}).`,
      {
        hint: 'Check mon_host in the Ceph configuration, the network and the cluster. How long to wait: connect_timeout in [io_rbd].',
      },
    );
  }
  if (optionOf(cluster, 'mon_host') === '') {
    throw new BackyError('io', 'The Ceph configuration names no monitor (mon_host).', {
      hint: 'Check ceph_conffile in [io_rbd].',
      cause: cephError('connect', result),
    });
  }
  if (optionOf(cluster, 'key') === '' && !keyrings.split(',').some((path) => existsSync(path.trim()))) {
    throw new BackyError('io', `There is no keyring of Ceph user ${radosName}: looked for ${keyrings.replaceAll(',', ', ')}.`, {
      hint: 'Put it there, or name another user with rados_name in [io_rbd].',
      cause: cephError('connect', result),
    });
  }
  if (['EACCES', 'EPERM', 'EINVAL', 'ENOENT'].some((name) => isErrno(result, name))) {
    throw new BackyError('io', `The Ceph cluster refuses user ${radosName}: the key in its keyring is missing or wrong.`, {
      hint: `Compare it with: ceph auth get ${radosName}`,
      cause: cephError('connect', result),
    });
  }
  throw cephError(`connect to the Ceph cluster as ${radosName}`, result);
}

function optionOf(cluster: Handle, option: string): string {
  const text = Buffer.alloc(4096);
  if (librados().getOption(cluster, option, text, text.length) < 0) return '';
  return text.toString('utf8', 0, text.indexOf(0));
}
