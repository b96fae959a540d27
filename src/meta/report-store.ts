import type { BlobOfBlock } from '../model/block.ts';
import type { BackupStats, DiskUsage, StatsFilter } from '../model/reports.ts';

/** What people ask about versions and their blobs. */
export interface ReportStore {
  /** Oldest first; a limit takes the newest. */
  listStats(filter: StatsFilter): Promise<BackupStats[]>;
  /**
   * The usage of each of these versions, in their order. For one version, uses are looked up blob by blob, in the order of the index: about
   * 5 µs a block and 50 ns a use. For more, the uses of all blobs are counted once: 3 µs a block, and temporary space of some 50 bytes a blob
   * with several uses. Each version is one statement, so what others write in between can show in the later ones.
   * @param beforeEach told before each version; a throw ends it.
   */
  diskUsage(versionUids: readonly string[], beforeEach: () => void): Promise<DiskUsage[]>;
  /** As BlockStore.blockPage, less the columns: for reading millions. */
  blobPage(versionUid: string, afterId: number, limit: number): Promise<BlobOfBlock[]>;
}
