import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Bytes of a chunk, if a block device is a thin volume of LVM: the unit in which it allocates. What
 * it never got, or has discarded, takes no space and reads as zeros. It knows no request for zeros,
 * and writing them would allocate. Undefined for all other devices.
 * @param rdev its number, as stat gives it. @param sys where sysfs is.
 */
export function thinChunkBytes(rdev: number, sys = '/sys'): number | undefined {
  const major = (rdev >> 8) & 0xfff;
  const minor = (rdev & 0xff) | ((rdev >>> 12) & 0xfff00);
  const device = join(sys, 'dev/block', `${major}:${minor}`);
  const read = (name: string) => readFileSync(join(device, name), 'utf8').trim();
  try {
    // LVM's name for a pool that volumes are on.
    const isThin = readdirSync(join(device, 'slaves')).some((name) => read(`slaves/${name}/dm/uuid`).endsWith('-tpool'));
    const chunkBytes = Number(read('queue/discard_granularity'));
    return isThin && chunkBytes > 0 ? chunkBytes : undefined;
  } catch {
    return undefined;
  }
}
