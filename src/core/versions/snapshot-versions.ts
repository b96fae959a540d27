import { BackyError } from '../../errors.ts';
import type { MetaStore } from '../../meta/meta-store.ts';
import type { TaggedVersion } from '../../model/version.ts';

/** A snapshot may seem to be newer than its version by this much: clocks differ. */
const CLOCK_TOLERANCE_MS = 60_000;

/** The newest valid version of a name that was made of a snapshot. */
export async function newestOfSnapshot(meta: MetaStore, name: string, snapshotName: string): Promise<TaggedVersion | undefined> {
  const versions = await meta.listVersions({ name, snapshotName });
  return versions.filter(({ valid }) => valid).at(-1);
}

/**
 * Refuses a snapshot that was removed and made again under its old name: the version is of the
 * first one.
 */
export function checkAge(base: TaggedVersion, snapshot: string, madeMs: number): void {
  if (madeMs <= base.date.getTime() + CLOCK_TOLERANCE_MS) return;
  throw new BackyError(
    'refused',
    `Snapshot "${snapshot}" is newer than version ${base.uid}, so the version is not of this snapshot.`,
    {
      hint: 'Do without the snapshot: back up in full, or restore with --delta.',
    },
  );
}
