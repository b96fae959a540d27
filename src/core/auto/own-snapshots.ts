import { hostname } from 'node:os';
import type { Snapshot } from '../../io/rbd/image-calls.ts';
import type { MetaStore } from '../../meta/meta-store.ts';
import { isFromFuture } from '../../model/clock.ts';
import type { TaggedVersion } from '../../model/version.ts';

/** A time of exactly this form behind the prefix makes a snapshot ours (docs/scripts/backup-rbd.sh has the same). */
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;

/** What the names of our snapshots begin with where the config does not say. */
export function defaultPrefix(host = hostname()): string {
  return `backy2-${host.replaceAll(/[^A-Za-z0-9.-]/g, '-')}-`;
}

/** The name of a snapshot that is made now. */
export function snapshotName(prefix: string, now: Date): string {
  return `${prefix}${now.toISOString()}`;
}

/** Whether a snapshot is one of ours; all others are left alone. */
export function isOwn(name: string, prefix: string): boolean {
  return name.startsWith(prefix) && TIME.test(name.slice(prefix.length));
}

/** Those of our snapshots that were made by a clock that was ahead, as their names show. */
export function fromFuture(names: readonly string[], prefix: string, now: Date): string[] {
  return names.filter((name) => isOwn(name, prefix) && isFromFuture(new Date(name.slice(prefix.length)), now));
}

/** Our snapshots of an image, by what the database knows of them; each list oldest first. */
export interface OwnSnapshots {
  /** There is a valid version of them and of the name: bases, the newest of which is the best. */
  known: { name: string; version: TaggedVersion }[];
  /** There is no valid version of them at all: what runs that were interrupted have left, or versions that were removed. */
  loose: string[];
}

/** Sorts our snapshots out. Those that valid versions of another name were made of are in neither list: whoever made these needs them. */
export async function ownSnapshots(
  meta: MetaStore,
  snapshots: readonly Snapshot[],
  { prefix, name }: { prefix: string; name: string },
): Promise<OwnSnapshots> {
  const own: OwnSnapshots = { known: [], loose: [] };
  for (const snapshot of snapshots) {
    if (!isOwn(snapshot.name, prefix)) continue;
    const valid = (await meta.listVersions({ snapshotName: snapshot.name })).filter((version) => version.valid);
    const version = valid.filter((candidate) => candidate.name === name).at(-1);
    if (version !== undefined) own.known.push({ name: snapshot.name, version });
    else if (valid.length === 0) own.loose.push(snapshot.name);
  }
  return own;
}
