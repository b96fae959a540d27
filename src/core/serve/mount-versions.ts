import { setTimeout as sleep } from 'node:timers/promises';
import { holdersOf } from '../../fuse/holders.ts';
import { type Mount, mountFiles } from '../../fuse/mount.ts';
import type { Context } from '../context.ts';
import { OpenImages } from './open-images.ts';
import { VersionFiles } from './version-files.ts';
import { waitForStop } from './wait-for-stop.ts';

/** How often it is looked whether somebody has unmounted it, or whether it can be unmounted at last. */
const LOOK_EVERY_MS = 300;

/** Where to mount. */
export interface MountRequest {
  mountpoint: string;
  /** Told once it is mounted. */
  onMounted?: ((mountpoint: string) => void) | undefined;
}

/** What was mounted, until it was unmounted again. */
export interface MountResult {
  mountpoint: string;
  seconds: number;
}

/** Mounts all versions until a signal comes or somebody unmounts them. What was written is gone then. */
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
  while (mount.isInUse()) await sleep(LOOK_EVERY_MS, undefined, { ref: true });
}

/** Waits for those who use it, and says who that is; versions are served until they have gone. */
async function unmount(mount: Mount, { logger }: Context): Promise<void> {
  let told = '';
  while (mount.isInUse() && !(await mount.unmount())) {
    const holders = holdersOf(mount.mountpoint).join(', ');
    if (holders !== told && holders !== '')
      logger.warning(
        `${mount.mountpoint} is in use by ${holders}. It is unmounted as soon as they have gone; a second signal ends it at once.`,
      );
    if (holders !== '') told = holders;
    await sleep(LOOK_EVERY_MS);
  }
}
