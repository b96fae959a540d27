import type { BackupStats, StatsFilter } from '../../model/reports.ts';
import type { Context } from '../context.ts';
import { checkInstallationFree } from '../versions/locks.ts';

/** What backups did, oldest first. Statistics outlive their versions, so a uid that has none is no error. */
export async function listStats({ meta, locks }: Context, filter: StatsFilter): Promise<BackupStats[]> {
  await checkInstallationFree(locks);
  return meta.listStats(filter);
}
