import type { BackupCounters } from './counters.ts';

/** A row of the statistics of one backup. */
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
  /** Only backups that ended at this time or later. */
  endedSince?: Date | undefined;
  /** The number of rows, newest first. */
  limit?: number | undefined;
}

/** How a version uses blobs, in bytes. Each block row of any version is a use. */
export interface DiskUsage {
  /** Of all blocks that have a blob. */
  real: number;
  /** Of all sparse blocks. */
  sparse: number;
  /** Of blocks whose blob other versions use too. */
  dedupOthers: number;
  /** Of blocks that repeat a blob which only this version uses, except for the first. */
  dedupOwn: number;
  /** Of blobs with a single use. */
  individual: number;
  /** Of all its blobs, each divided by its uses. Not whole. */
  estimated: number;
  /** Of blobs that only this version uses: its removal would free them. */
  freed: number;
}

/** Times in the future that were set to now. */
export interface FutureTimes {
  count: number;
  /** How far the latest was ahead; 0 without any. */
  aheadSeconds: number;
}
