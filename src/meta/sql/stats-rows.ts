import type { BackupCounters } from '../../model/counters.ts';
import { fromStoredDate } from '../../model/dates.ts';
import type { BackupStats } from '../../model/reports.ts';
import type { Version } from '../../model/version.ts';

/** The columns of table stats that hold what was backed up. */
interface StatsColumns {
  version_uid: string | null;
  version_name: string;
  version_size_bytes: number;
  version_size_blocks: number;
  bytes_read: number;
  blocks_read: number;
  bytes_written: number;
  blocks_written: number;
  bytes_found_dedup: number;
  blocks_found_dedup: number;
  bytes_sparse: number;
  blocks_sparse: number;
  duration_seconds: number;
}

/** A row of table stats as a driver gives it. */
export interface StatsRecord extends StatsColumns {
  date: string;
}

/** The columns of a backup's row, except for its date. */
export function toStatsColumns({ uid, ...version }: Version, counters: BackupCounters): StatsColumns {
  return statsColumns({ ...version, versionUid: uid, counters });
}

/** The same for statistics that exist already. */
export function statsColumns({ versionUid, name, sizeBytes, size, counters }: Omit<BackupStats, 'date'>): StatsColumns {
  return {
    version_uid: versionUid,
    version_name: name,
    version_size_bytes: sizeBytes,
    version_size_blocks: size,
    bytes_read: counters.bytesRead,
    blocks_read: counters.blocksRead,
    bytes_written: counters.bytesWritten,
    blocks_written: counters.blocksWritten,
    bytes_found_dedup: counters.bytesDedup,
    blocks_found_dedup: counters.blocksDedup,
    bytes_sparse: counters.bytesSparse,
    blocks_sparse: counters.blocksSparse,
    duration_seconds: counters.durationSeconds,
  };
}

/** The inverse of {@link toStatsColumns}. */
export function toStats(record: StatsRecord): BackupStats {
  return {
    date: fromStoredDate(record.date),
    versionUid: record.version_uid ?? '',
    name: record.version_name,
    size: record.version_size_blocks,
    sizeBytes: record.version_size_bytes,
    counters: {
      bytesRead: record.bytes_read,
      blocksRead: record.blocks_read,
      bytesWritten: record.bytes_written,
      blocksWritten: record.blocks_written,
      bytesDedup: record.bytes_found_dedup,
      blocksDedup: record.blocks_found_dedup,
      bytesSparse: record.bytes_sparse,
      blocksSparse: record.blocks_sparse,
      durationSeconds: record.duration_seconds,
    },
  };
}

/** Sums over the rows of a version: with a blob, and without. */
export interface RowSums {
  blocks: number;
  bytes: number;
  sparseBlocks: number;
  sparseBytes: number;
}

/** Counters made up from rows alone: whatever has a blob counts as read and written. */
export function countersOfRows(sums: RowSums): BackupCounters {
  return {
    bytesRead: sums.bytes,
    blocksRead: sums.blocks,
    bytesWritten: sums.bytes,
    blocksWritten: sums.blocks,
    bytesDedup: 0,
    blocksDedup: 0,
    bytesSparse: sums.sparseBytes,
    blocksSparse: sums.sparseBlocks,
    durationSeconds: 0,
  };
}
