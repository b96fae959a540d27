import { closeSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { BackyError, errnoOf } from '../../errors.ts';
import { tryFlock } from '../../native/file-calls.ts';
import { type FlockHolder, flockHolders } from '../../native/flock-holders.ts';
import { liveWriters } from './temporary-folder.ts';

/**
 * Wait for a lock that is held for a moment: by a full cleanup that will be refused, or by a writer
 * that just ended.
 */
const PASSING_MS = 500;
const RETRY_MS = 20;

/**
 * Registers a writer by a shared flock on the data folder. A full cleanup sees it, even one that
 * uses other locks: blobs just stored have no row yet.
 * @returns a function that releases it.
 * @throws BackyError `locked` while a full cleanup runs.
 */
export async function shareFolder(root: string): Promise<() => void> {
  const fd = openSync(root, 'r');
  if (await lockUnlessPassing(fd, 'shared')) return () => closeSync(fd);
  closeSync(fd);
  throw new BackyError('locked', `No blob can be stored in ${root}: a cleanup --full is deleting there.`, {
    hint: `Wait until it has ended: ${describe(flockHolders(root))}`,
  });
}

/**
 * Keeps all writers out of the data folder. A missing folder has none.
 * @returns a function that lets them in again.
 * @throws BackyError `locked` while there is a writer, those of earlier releases included.
 */
export async function lockOutWriters(root: string): Promise<() => void> {
  const fd = openFolder(root);
  if (fd === undefined) return () => {};
  const isAlone = await lockUnlessPassing(fd, 'exclusive');
  const earlier = isAlone ? liveWriters(root) : [];
  if (isAlone && earlier.length === 0) return () => closeSync(fd);
  closeSync(fd);
  const holders = isAlone ? earlier.flatMap(flockHolders) : flockHolders(root);
  throw new BackyError('locked', `Another backy2 is storing blobs in ${root}.`, {
    hint: `A full cleanup would delete them. Wait until it has ended: ${describe(holders)}`,
  });
}

function openFolder(root: string): number | undefined {
  try {
    return openSync(root, 'r');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Also true on file systems that refuse flock on folders, as some network file systems do. */
async function lockUnlessPassing(fd: number, mode: 'shared' | 'exclusive'): Promise<boolean> {
  for (const giveUpAt = performance.now() + PASSING_MS; ; await sleep(RETRY_MS)) {
    try {
      if (tryFlock(fd, mode)) return true;
    } catch {
      return true;
    }
    if (performance.now() > giveUpAt) return false;
  }
}

function describe(holders: readonly FlockHolder[]): string {
  return holders.length === 0
    ? 'it runs in another container or on another host, or: ps axfu | grep backy2'
    : holders.map(({ text }) => text).join('; ');
}
