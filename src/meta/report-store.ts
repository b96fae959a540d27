import type { Comparison } from '../model/comparison.ts';
import type { BackupStats, DiskUsage, StatsFilter } from '../model/reports.ts';

/** Reports on versions and their blobs. */
export interface ReportStore {
  /** Oldest first; a limit takes the newest. */
  listStats(filter: StatsFilter): Promise<BackupStats[]>;
  /** Adds statistics that another database had, with their dates. */
  importStats(stats: readonly BackupStats[]): Promise<void>;
  /**
   * The usage of each of these versions, in their order. For one version, this looks up the uses of
   * each blob in the order of the index: about 5 µs a block and 50 ns a use. For several versions,
   * it counts the uses of all blobs once: 3 µs a block, and about 50 bytes of temporary space for
   * each blob with several uses. Each version is a statement of its own, so later ones can show
   * later changes.
   * @param onVersion called before each version, more than once if it is read again; a throw ends
   * it.
   */
  diskUsage(versionUids: readonly string[], onVersion: (uid: string) => void): Promise<DiskUsage[]>;
  /**
   * Compares the blocks of two versions above `afterId` (start with -1) by their blobs: some
   * `limit` of them, by what costs the store least. An unknown version has no blocks.
   */
  compareVersions(leftUid: string, rightUid: string, afterId: number, limit: number): Promise<Comparison>;
}
