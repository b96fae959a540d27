import type { BackupStats, StatsFilter } from '../../model/reports.ts';
import type { Context } from '../context.ts';
import { checkInstallationFree } from '../versions/locks.ts';

/**
 * Lists the statistics of backups, oldest first. An unknown uid is no error, since statistics stay
 * when versions are removed.
 */
export async function listStats({ meta, locks }: Context, filter: StatsFilter): Promise<BackupStats[]> {
  await checkInstallationFree(locks);
  return meta.listStats(filter);
}
