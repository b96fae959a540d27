import type { DiskUsage } from '../../model/reports.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { Context } from '../context.ts';
import { findVersion } from '../versions/find-version.ts';
import { checkInstallationFree, checkVersionsFree } from '../versions/locks.ts';

/** The disk usage of a version, in whole bytes. */
export interface VersionUsage extends DiskUsage {
  version: TaggedVersion;
}

/**
 * Reports the disk usage of one version, or of all, sorted by name, then date. Throws `locked`
 * while one is being created or removed.
 */
export async function du({ meta, locks, logger, signal }: Context, uid: string | undefined): Promise<VersionUsage[]> {
  await checkInstallationFree(locks);
  const versions = uid === undefined ? await meta.listVersions({}) : [await findVersion(meta, uid)];
  const uids = versions.map((version) => version.uid);
  await checkVersionsFree(locks, uids);
  const usages = await meta.diskUsage(uids, (version) => {
    signal.throwIfAborted();
    logger.debug(`Adding up the blocks of version ${version} (${uids.indexOf(version) + 1} of ${uids.length}).`);
  });
  return versions.flatMap((version, index) => {
    const usage = usages[index];
    return usage === undefined ? [] : [{ version, ...usage, estimated: roundHalfToEven(usage.estimated) }];
  });
}

/** Rounds as the original does: 61442.5 becomes 61442. */
export function roundHalfToEven(value: number): number {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}
