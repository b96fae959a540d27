import type { DedupKey, FoundBlob, Healing } from '../model/blob.ts';
import type { BackupRow } from '../model/block.ts';
import type { BlockRange } from '../model/block-range.ts';
import type { BackupCounters } from '../model/counters.ts';
import type { Geometry } from '../model/geometry.ts';
import type { Migration, NewVersion, Version } from '../model/version.ts';

/** What a group commit did. */
export interface CommitOutcome {
  /** Rows that were not committed, because their found blob is gone or going: these blocks must be stored anew. */
  refused: BackupRow[];
  /** What else the new rows' blobs were used for. */
  healing: Healing;
}

/** One group of a running backup. */
export interface BackupGroup {
  rows: readonly BackupRow[];
  /** Blocks that are all zero. */
  sparse: readonly BlockRange[];
  /** Use the blobs of these rows for bad rows of the same content as well, of any version: see {@link HealStore.heal}. */
  heals?: boolean;
  /** The whole backup's counters once this group is in, less the rows that were refused. Kept with the group. */
  counters(refused: readonly BackupRow[]): BackupCounters;
}

/** How much of a base version is taken over. */
export interface TakeOverResult {
  /** Rows copied, sparse ones included. */
  blocks: number;
  bytes: number;
  sparseBlocks: number;
  sparseBytes: number;
}

/** What to copy from a base version. */
export interface TakeOverRequest {
  baseUid: string;
  versionUid: string;
  ranges: readonly BlockRange[];
  geometry: Geometry;
  /** The whole backup's counters once what is copied so far is in. Kept with each piece. */
  counters(copied: TakeOverResult): BackupCounters;
  /** Told after each piece. */
  onCopied(copied: TakeOverResult): void;
}

/** A running backup. */
export interface BackupStore {
  createVersion(version: NewVersion): Promise<void>;
  /** Valid blobs with these contents and this encryption version, none of them doomed; one each, keyed by {@link dedupKey}. */
  findBlobs(keys: readonly DedupKey[], encVersion: number): Promise<Map<string, FoundBlob>>;
  /**
   * Commits rows and sparse ranges, none of which the version has yet. Every blob that `rows` name MUST be durable
   * before the call. A row found by dedup goes in only if some row still names its blob and no cleanup has doomed it.
   */
  commitGroup(versionUid: string, group: BackupGroup, geometry: Geometry): Promise<CommitOutcome>;
  /**
   * Copies the base's rows in `ranges` that are valid and of the right length, as sets; others are left out. In several transactions of
   * a few seconds, so that others can write between; which rows come first is the store's choice.
   * Needs temporary space for the rows of one call, some 300 bytes each.
   */
  takeOver(order: TakeOverRequest): Promise<TakeOverResult>;
  /** The ids within `range` that have a row, as ranges in order. */
  presentBlocks(versionUid: string, range: BlockRange): Promise<BlockRange[]>;
  /** Drops the rows that a continued backup must make anew: invalid, or of the wrong length. Their blobs become candidates. */
  discardBadBlocks(versionUid: string, geometry: Geometry): Promise<number>;
  /** The invalid version that an unfinished migration of this kind left. */
  findMigration(migration: Migration): Promise<string | undefined>;
  /** Counters of an earlier run of this backup; undefined when it left none. */
  savedCounters(versionUid: string): Promise<BackupCounters | undefined>;
  /** Counters made up from the rows, for a backup that another program began. */
  countersFromRows(versionUid: string): Promise<BackupCounters>;
  /**
   * The last transaction of a backup: the stats row, if there are counters, then valid 1. Rejects, and leaves it invalid, when rows are missing.
   * @returns false, with nothing changed, when a blob that the backup uses was found bad meanwhile: discard such rows and make them anew.
   */
  finishBackup(version: Version, counters: BackupCounters | undefined): Promise<boolean>;
}
