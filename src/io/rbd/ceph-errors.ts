import { BackyError } from '../../errors.ts';
import { resultName } from '../../native/ceph-library.ts';

/** Meanings of errno names, and hints. */
const MEANINGS: Record<string, [meaning: string, hint: string]> = {
  EPERM: [
    'not permitted',
    "The Ceph user's caps do not allow it: see docs/ceph.md for those that are needed (ceph auth get shows them).",
  ],
  EACCES: ['access denied', 'Check rados_name in [io_rbd], its keyring, and its caps (ceph auth get).'],
  EROFS: ['read-only', 'Another client holds the image exclusively, or it is a mirror: see rbd status and rbd lock ls.'],
  ETIMEDOUT: ['timed out', 'Check the cluster with: ceph -s. The limits are connect_timeout and operation_timeout in [io_rbd].'],
  ENOSPC: ['no space left', 'Free space in the pool: see ceph df.'],
  EDQUOT: ['quota exceeded', 'Raise the quota of the pool, or free space in it: see ceph df.'],
  EBUSY: ['busy', 'A clone, a client or a protected snapshot still uses it: see rbd children, rbd snap ls and rbd status.'],
  EBLOCKLISTED: ['blocked by the cluster', 'This client was shut out: see ceph osd blocklist ls.'],
  ESHUTDOWN: ['blocked by the cluster', 'This client was shut out: see ceph osd blocklist ls.'],
  EINVAL: ['not valid', 'See the log of the cluster.'],
};

/** The error of a call to librados or librbd: `what` completes "Cannot …"; `result` is below 0. */
export function cephError(what: string, result: number): BackyError {
  const name = resultName(result);
  const [meaning, hint] = MEANINGS[name] ?? [undefined, 'Check the cluster with: ceph -s'];
  return new BackyError('io', `Cannot ${what}: ${name}${meaning === undefined ? '' : ` (${meaning})`}.`, { hint });
}

/** Throws {@link cephError} for results below 0. @returns the result. */
export function checked(result: number, what: string): number {
  if (result < 0) throw cephError(what, result);
  return result;
}

/** Whether a result is this errno. */
export function isErrno(result: number, name: string): boolean {
  return result < 0 && resultName(result) === name;
}
