import { BackyError } from '../../errors.ts';
import type { RbdOptions } from '../options.ts';
import type { IoHost, SharedSource, SharedTarget } from '../shared.ts';
import { nothingToKeep, type TargetNeeds, warnNotDiscarded } from '../target-needs.ts';
import type { OpenImage } from './image-calls.ts';
import { RbdSession } from './rbd-session.ts';
import { type RbdPlace, rbdSpec, rbdUrl } from './rbd-url.ts';

/** Bytes that one call makes zero: a signal is heard after each. */
const ZEROS_AT_ONCE = 256 * 1024 * 1024;

/** Opens an image or snapshot for reading, for all threads. */
export async function shareRbdSource(place: RbdPlace, options: RbdOptions, host: IoHost): Promise<SharedSource> {
  const session = await RbdSession.open(options, host);
  try {
    return await sourceIn(session, place, options, () => session.close());
  } catch (error) {
    await session.close();
    throw error;
  }
}

/** The same in an open session. */
export async function sourceIn(
  session: RbdSession,
  place: RbdPlace,
  { simultaneousReads, simultaneousWrites }: RbdOptions,
  afterClose: () => Promise<void> = async () => {},
): Promise<SharedSource> {
  const image = await session.call('open', place, 'read');
  return {
    sizeBytes: image.sizeBytes,
    spec: { url: rbdUrl(place), limits: { simultaneousReads, simultaneousWrites }, image },
    parentBytes: image.parentBytes,
    // A client that only reads does not notice that the image was cut or the snapshot removed: it
    // reads zeros.
    verify: async () => {
      const now = await session.call('open', place, 'read');
      await session.call('close', now.handle);
      if (now.id !== image.id) throw madeAgain(`Image ${rbdSpec(place)}`);
      if (now.sizeBytes < image.sizeBytes) {
        throw new BackyError(
          'io',
          `${rbdUrl(place)} shrank from ${image.sizeBytes} to ${now.sizeBytes} bytes while it was read.`,
          {
            hint: 'Back up a snapshot, or stop what changes its size.',
          },
        );
      }
      if (now.snapshotId !== image.snapshotId) throw madeAgain(`Snapshot ${rbdSpec(place)}`);
    },
    hasChanged: () => false,
    close: async () => {
      await session.callAtEnd('close', image.handle).catch(() => {});
      await afterClose();
    },
  };
}

function madeAgain(what: string): BackyError {
  return new BackyError('io', `${what} was removed and made again while it was read.`, {
    hint: 'Back it up again, and leave it alone meanwhile.',
  });
}

/**
 * Makes sure that there is an image of at least `sizeBytes`, and opens it for writing by all
 * threads.
 */
export async function shareRbdTarget(
  place: RbdPlace,
  { sizeBytes, force, discard, keeps, options }: TargetNeeds & { options: RbdOptions },
  host: IoHost,
): Promise<SharedTarget> {
  if (place.snapshot !== undefined) {
    throw new BackyError('io', `A snapshot can't be restored to: ${rbdUrl(place)}.`, { hint: 'Name the image alone.' });
  }
  const session = await RbdSession.open(options, host);
  try {
    const isNew = !(await session.call('exists', place));
    if (isNew && keeps !== undefined) throw nothingToKeep(rbdUrl(place), keeps);
    if (isNew) await session.call('create', place, { sizeBytes, features: options.newImageFeatures });
    else if (force) await refuseUsed(session, place);
    else {
      throw new BackyError('targetRefused', `Target already exists: ${rbdUrl(place)}`, {
        hint: 'Restore with -f to overwrite it, or name another target.',
      });
    }
    const image = await session.call('open', place, 'write');
    const { simultaneousReads, simultaneousWrites } = options;
    const asItIs = { isNew, tailBytes: image.sizeBytes - sizeBytes };
    const target = {
      spec: { url: rbdUrl(place), limits: { simultaneousReads, simultaneousWrites }, image },
      changesSince: (snapshot: string) => session.diff(place, snapshot),
      close: async () => {
        await session.callAtEnd('close', image.handle).catch(() => {});
        await session.close();
      },
    };
    if (image.sizeBytes >= sizeBytes) {
      if (!discard || isNew) return { ...asItIs, ...target };
      host.logger.info(`Discarding ${rbdUrl(place)} first.`);
      if (await zeroAll(session, image)) return { isNew: true, tailBytes: 0, ...target };
      warnNotDiscarded(rbdUrl(place), host);
      return { ...asItIs, ...target };
    }
    await session.callAtEnd('close', image.handle);
    throw new BackyError('targetRefused', `Target size is too small. Has ${image.sizeBytes}b, need ${sizeBytes}b.`, {
      hint: `Enlarge it (rbd resize ${rbdSpec(place)}) or name another target.`,
    });
  } catch (error) {
    await session.close();
    throw error;
  }
}

/** Makes an image zero and frees its objects. False where librbd can't. */
async function zeroAll(session: RbdSession, { handle, sizeBytes }: OpenImage): Promise<boolean> {
  for (let offset = 0; offset < sizeBytes; offset += ZEROS_AT_ONCE) {
    if (!(await session.call('zero', handle, offset, Math.min(ZEROS_AT_ONCE, sizeBytes - offset)))) return false;
  }
  return true;
}

/**
 * Refuses an image that is in use: a virtual machine that runs from it, for example, would go on
 * writing.
 */
async function refuseUsed(session: RbdSession, place: RbdPlace): Promise<void> {
  const [user] = await session.call('watchers', place);
  if (user === undefined) return;
  throw new BackyError('targetRefused', `Target ${rbdUrl(place)} is in use by the client at ${user}.`, {
    hint: `Stop what uses it: rbd status ${rbdSpec(place)}. A client that was killed goes away after 30 s.`,
  });
}
