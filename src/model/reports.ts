import type { BackupCounters } from './counters.ts';

/** A row of the statistics: what one backup did. */
export interface BackupStats {
  /** When the backup ended. */
  date: Date;
  versionUid: string;
  name: string;
  /** Blocks. */
  size: number;
  sizeBytes: number;
  counters: BackupCounters;
}

/** Which statistics to list; undefined means any. */
export interface StatsFilter {
  versionUid?: string | undefined;
  /** Only the newest so many. */
  limit?: number | undefined;
}

/** How a version uses its blobs, in bytes. A use is a block row, of any version. */
export interface DiskUsage {
  /** Of all blocks that have a blob. */
  real: number;
  /** Of all sparse blocks. */
  sparse: number;
  /** Of blocks whose blob other versions use too. */
  dedupOthers: number;
  /** Of blocks that repeat a blob which this version alone uses, beyond the first. */
  dedupOwn: number;
  /** Of blobs with a single use, here. */
  individual: number;
  /** Of all its blobs, each divided by its uses. Not whole. */
  estimated: number;
  /** Of blobs that this version alone uses: what its removal would free. */
  freed: number;
}

/** Times that were in the future when they were dated now. */
export interface FutureTimes {
  count: number;
  /** How far the latest of them was ahead; 0 when there are none. */
  aheadSeconds: number;
}
