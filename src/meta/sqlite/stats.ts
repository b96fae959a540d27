import { fromStoredDate } from '../dates.ts';
import type { BackupStats, StatsFilter } from '../types.ts';
import type { SqliteConnection } from './connection.ts';

/** A row of table stats as the driver gives it. */
interface StatsRecord {
  date: string;
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

/** See ReportStore.listStats. */
export function listStats(connection: SqliteConnection, { versionUid, limit }: StatsFilter): BackupStats[] {
  const where = versionUid === undefined ? '' : 'WHERE version_uid = ?';
  const records = connection
    .prepare(`SELECT * FROM stats ${where} ORDER BY date DESC, id DESC LIMIT ?`)
    // Below 0 is no limit.
    .all(...(versionUid === undefined ? [] : [versionUid]), limit ?? -1) as StatsRecord[];
  return records.reverse().map(toStats);
}

function toStats(record: StatsRecord): BackupStats {
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
