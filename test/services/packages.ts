import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * The Debian and Ubuntu packages of the servers, and of the clients that tests use; `.ci/packages`
 * lists the same.
 */
const INSTALL =
  'apt-get install -y --no-install-recommends postgresql ceph-mon ceph-osd ceph-common radosgw librbd1 librados2 python3-rados python3-rbd qemu-utils qemu-block-extra qemu-system-x86 libnbd-bin fuse';

/** Finds a server's program. A missing one fails the run: nothing is skipped. */
export function findProgram(name: string, folders: readonly string[] = []): string {
  const everywhere = [...folders, ...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  const found = everywhere.map((folder) => join(folder, name)).find((path) => existsSync(path));
  if (found === undefined) throw new Error(`${name} is not installed. These tests need real servers: ${INSTALL}`);
  return found;
}
