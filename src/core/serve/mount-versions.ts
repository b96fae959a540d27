import { setTimeout as sleep } from 'node:timers/promises';
import { holdersOf } from '../../fuse/holders.ts';
import { type Mount, mountFiles } from '../../fuse/mount.ts';
import type { Context } from '../context.ts';
import { OpenImages } from './open-images.ts';
import { VersionFiles } from './version-files.ts';
import { waitForStop } from './wait-for-stop.ts';

/** Interval of checks whether it was unmounted, or can be. */
const POLL_INTERVAL_MS = 300;

/** Where to mount. */
export interface MountRequest {
  mountpoint: string;
  /** Called once it is mounted. */
  onMounted?: ((mountpoint: string) => void) | undefined;
}

/** Outcome of a mount, after it was unmounted. */
export interface MountResult {
  mountpoint: string;
  seconds: number;
}

/**
 * Mounts all versions until the context's signal or until somebody unmounts them. Writes are
 * discarded then.
 */
export async function mountVersions(context: Context, { mountpoint, onMounted }: MountRequest): Promise<MountResult> {
  const { meta, logger, now } = context;
  const start = performance.now();
  const stop = waitForStop(context.signal);
  const images = await OpenImages.create(context, stop.fail);
  try {
    const mount = await mountFiles(mountpoint, new VersionFiles(meta, images, now()), logger);
    logger.info(`Mounted all versions on ${mount.mountpoint}. Unmount with Ctrl-C, or fusermount -u ${mount.mountpoint}`);
    onMounted?.(mount.mountpoint);
    try {
      await Promise.race([stop.stopped, untilUnmounted(mount)]);
    } finally {
      await unmount(mount, context);
    }
    return { mountpoint: mount.mountpoint, seconds: (performance.now() - start) / 1000 };
  } finally {
    await images.close();
  }
}

async function untilUnmounted(mount: Mount): Promise<void> {
  while (mount.isInUse()) await sleep(POLL_INTERVAL_MS);
}

/** Unmounts once nobody uses the mount. Serves versions until then, and logs who uses it. */
async function unmount(mount: Mount, { logger }: Context): Promise<void> {
  let loggedHolders = '';
  while (mount.isInUse() && !(await mount.unmount())) {
    const holders = holdersOf(mount.mountpoint).join(', ');
    if (holders !== '' && holders !== loggedHolders) {
      logger.warning(
        `${mount.mountpoint} is in use by ${holders}. It will be unmounted when they have ended. A second signal ends it now.`,
      );
      loggedHolders = holders;
    }
    await sleep(POLL_INTERVAL_MS);
  }
}
