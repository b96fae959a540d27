import { statfsSync } from 'node:fs';

/** f_type of file systems whose other hosts do not see a WAL's shared memory (linux/magic.h). */
const NETWORK_TYPES = new Set([
  0x6969, // NFS
  0xff534d42, // CIFS
  0xfe534d42, // SMB2
  0x517b, // SMB
  0x65735546, // FUSE: sshfs, GlusterFS and the like
  0x00c36400, // CephFS
  0x01021997, // 9p
  0x0bd00bd0, // Lustre
  0x47504653, // GPFS
  0x7461636f, // OCFS2
  0x5346414f, // AFS
]);

/** Whether a path lies on a file system that other hosts may have mounted too. */
export function isOnNetworkFileSystem(path: string): boolean {
  return NETWORK_TYPES.has(Number(statfsSync(path).type) >>> 0);
}
