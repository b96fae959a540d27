import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Whether a block device is a thin volume of LVM: what it never got, or has discarded, takes no
 * space and reads as zeros. It knows no request for zeros, so that writing them would allocate.
 * @param rdev its number, as stat gives it. @param sys where sysfs is.
 */
export function isThinVolume(rdev: number, sys = '/sys'): boolean {
  const major = (rdev >> 8) & 0xfff;
  const minor = (rdev & 0xff) | ((rdev >>> 12) & 0xfff00);
  const below = join(sys, 'dev/block', `${major}:${minor}`, 'slaves');
  try {
    // LVM's name for a pool that volumes are on.
    return readdirSync(below).some((name) =>
      readFileSync(join(below, name, 'dm/uuid'), 'utf8')
        .trim()
        .endsWith('-tpool'),
    );
  } catch {
    return false;
  }
}
