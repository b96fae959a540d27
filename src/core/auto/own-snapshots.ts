import { hostname } from 'node:os';
import type { Snapshot } from '../../io/rbd/image-calls.ts';
import type { MetaStore } from '../../meta/meta-store.ts';
import { isFromFuture } from '../../model/clock.ts';
import type { TaggedVersion } from '../../model/version.ts';

/**
 * The part of an own snapshot's name after the prefix. docs/scripts/backup-rbd.sh uses the same
 * form.
 */
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;

/** A default prefix, of any host, before a time. */
const ANY_HOST = /^backy2-[A-Za-z0-9.-]+-(\d{4}-.*)$/;

/** Start of the names of own snapshots, if the config sets none. */
export function defaultPrefix(host = hostname()): string {
  return `backy2-${host.replaceAll(/[^A-Za-z0-9.-]/g, '-')}-`;
}

/** Name of a snapshot that is created now. */
export function snapshotName(prefix: string, now: Date): string {
  return `${prefix}${now.toISOString()}`;
}

/** Tells own snapshots from others, which are not touched unless {@link isOfAnotherHost}. */
function isOwn(name: string, prefix: string): boolean {
  return name.startsWith(prefix) && TIME.test(name.slice(prefix.length));
}

/**
 * Whether a snapshot may have been made by `--auto` on another host of this installation. Only a
 * version that names it proves that: other installations have names of the same form.
 */
function isOfAnotherHost(name: string): boolean {
  return TIME.test(ANY_HOST.exec(name)?.[1] ?? '');
}

/** Names of own snapshots that are dated in the future. */
export function fromFuture(names: readonly string[], prefix: string, now: Date): string[] {
  return names.filter((name) => isOwn(name, prefix) && isFromFuture(new Date(name.slice(prefix.length)), now));
}

/** Own snapshots of an image, oldest first. */
export interface OwnSnapshots {
  /** Snapshots with a valid version of the name. Each can be a base; the newest is the best. */
  known: { name: string; version: TaggedVersion }[];
  /** Snapshots without any valid version: their run was interrupted, or the version was removed. */
  loose: string[];
}

/**
 * Sorts own snapshots. Those with a valid version of another name only are in neither list: they
 * are still needed. Those of other hosts are known if there is a valid version, and never loose:
 * that host may be making the version.
 */
export async function ownSnapshots(
  meta: MetaStore,
  snapshots: readonly Snapshot[],
  { prefix, name }: { prefix: string; name: string },
): Promise<OwnSnapshots> {
  const sorted: OwnSnapshots = { known: [], loose: [] };
  for (const snapshot of snapshots) {
    const own = isOwn(snapshot.name, prefix);
    if (!own && !isOfAnotherHost(snapshot.name)) continue;
    const valid = (await meta.listVersions({ snapshotName: snapshot.name })).filter((version) => version.valid);
    const version = valid.filter((candidate) => candidate.name === name).at(-1);
    if (version !== undefined) sorted.known.push({ name: snapshot.name, version });
    else if (own && valid.length === 0) sorted.loose.push(snapshot.name);
  }
  return sorted;
}
