import { watchChanges } from './file/file-changes.ts';
import { FileSource } from './file/file-source.ts';
import { FileTarget } from './file/file-target.ts';
import { prepareFileTarget } from './file/prepare-file-target.ts';
import { parseIoUrl } from './io-url.ts';
import { NullSource, NullTarget } from './null/null-io.ts';
import { parseNullSize } from './null/null-size.ts';
import type { IoOptions } from './options.ts';
import { RbdSource } from './rbd/rbd-source.ts';
import { RbdTarget } from './rbd/rbd-target.ts';
import { parseRbdPlace } from './rbd/rbd-url.ts';
import type { IoHost, IoSpec, SharedSource, SharedTarget } from './shared.ts';
import type { Source } from './source.ts';
import type { Target } from './target.ts';
import { nothingToKeep, type TargetNeeds, warnNotDiscarded } from './target-needs.ts';

/**
 * Opens a source for all threads. A slow one, such as a cluster that does not answer, does not
 * block the calling thread.
 */
export async function shareSource(url: string, options: IoOptions, host: IoHost): Promise<SharedSource> {
  const { scheme, path } = parseIoUrl(url);
  if (scheme === 'rbd') {
    const { shareRbdSource } = await import('./rbd/share-rbd.ts');
    return shareRbdSource(parseRbdPlace(path, url), options.rbd, host);
  }
  const hasChanged = scheme === 'file' ? watchChanges(path) : () => false;
  const { sizeBytes } = scheme === 'file' ? await lookedAt(new FileSource(path)) : { sizeBytes: parseNullSize(path) };
  return { sizeBytes, spec: specOf(url, options), verify: async () => {}, hasChanged, close: async () => {} };
}

/**
 * Prepares a target for all threads: creates it with `sizeBytes` or, with `force`, takes an
 * existing one that is large enough. With `keeps`, takes only one that has data already. Refusals
 * are BackyErrors `targetRefused`.
 */
export async function shareTarget(
  url: string,
  { options, ...needs }: TargetNeeds & { options: IoOptions },
  host: IoHost,
): Promise<SharedTarget> {
  const { scheme, path } = parseIoUrl(url);
  if (scheme === 'rbd') {
    const { shareRbdTarget } = await import('./rbd/share-rbd.ts');
    return shareRbdTarget(parseRbdPlace(path, url), { ...needs, options: options.rbd }, host);
  }
  const spec = specOf(url, options);
  if (scheme === 'null' && needs.keeps === '--delta') throw nothingToKeep(url, needs.keeps);
  if (scheme === 'null') return { isNew: true, tailBytes: 0, spec, close: async () => {} };
  const { discard, release, ...asItIs } = prepareFileTarget(path, needs);
  try {
    const close = async () => release();
    if (!needs.discard || asItIs.isNew) return { ...asItIs, spec, close };
    host.logger.info(`Discarding ${url} first.`);
    const { isWhole, ...discarded } = await discard(host.signal);
    if (!isWhole) warnNotDiscarded(url, host);
    return { ...discarded, spec, close };
  } catch (error) {
    release();
    throw error;
  }
}

/** How a thread reads a source. */
interface ReadingOptions {
  /** Bytes of a block: the null source makes its data up by blocks. */
  blockSize: number;
  /** Reads may block the calling thread. [true] */
  mayBlock?: boolean;
}

/** The data with which a thread opens a file or the null device. */
function specOf(url: string, options: IoOptions): IoSpec {
  const { scheme } = parseIoUrl(url);
  return { url, limits: options[scheme], ...(scheme === 'file' ? { directIo: options.file.directIo } : {}) };
}

/** Opens a shared source for the calling thread. */
export function openSource({ url, image, directIo }: IoSpec, { blockSize, mayBlock }: ReadingOptions): Source {
  if (image !== undefined) return new RbdSource(url, image);
  const { scheme, path } = parseIoUrl(url);
  return scheme === 'file' ? new FileSource(path, { mayBlock, directIo }) : new NullSource(parseNullSize(path), blockSize);
}

/** Opens a shared target for the calling thread. */
export function openTarget({ url, image, directIo }: IoSpec): Target {
  if (image !== undefined) return new RbdTarget(url, image);
  const { scheme, path } = parseIoUrl(url);
  return scheme === 'file' ? new FileTarget(path, { directIo }) : new NullTarget();
}

async function lookedAt(source: Source): Promise<{ sizeBytes: number }> {
  await source.close();
  return source;
}
