import type { TaggedVersion, VersionFilter } from '../../model/version.ts';
import type { Context } from '../context.ts';
import { checkInstallationFree } from './locks.ts';

/** Which versions to list. */
export interface ListRequest {
  name?: string | undefined;
  snapshotName?: string | undefined;
  tag?: string | undefined;
  /** Only those whose expire date has passed. */
  expired?: boolean | undefined;
}

/** Lists versions, sorted by name, then date. */
export async function listVersions({ meta, locks, now }: Context, { expired, ...filter }: ListRequest): Promise<TaggedVersion[]> {
  await checkInstallationFree(locks);
  const full: VersionFilter = expired === true ? { ...filter, expiredAt: now() } : filter;
  return meta.listVersions(full);
}
