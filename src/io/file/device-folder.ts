import { realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { BackyError } from '../../errors.ts';

const DEVICES = '/dev';

/**
 * Refuses a regular file, new or existing, in the file system of the devices: the name of a device
 * was mistyped, and the file would be in memory, lost after a reboot. /dev/shm has a file system of
 * its own. If /dev has none, refuses only paths below it.
 */
export function refuseDeviceFolder(path: string): void {
  const real = realPathOf(path);
  if (real === undefined || !isAmongDevices(dirname(real))) return;
  throw new BackyError('targetRefused', `Target ${path} would be a regular file among the devices in ${DEVICES}.`, {
    hint: 'Check the name of the device: ls -l /dev. If it is right, activate or attach the device first.',
  });
}

/** Undefined if unknown: the open then says why. */
function realPathOf(path: string): string | undefined {
  for (const resolve of [() => realpathSync(path), () => join(realpathSync(dirname(path)), basename(path))]) {
    try {
      return resolve();
    } catch {
      // A new file has no path of its own yet.
    }
  }
  return undefined;
}

function isAmongDevices(folder: string): boolean {
  try {
    const devices = statSync(DEVICES).dev;
    if (statSync(folder).dev !== devices) return false;
    return devices !== statSync('/').dev || !relative(realpathSync(DEVICES), folder).startsWith('..');
  } catch {
    return false;
  }
}
