import type { DedupKey, FoundBlob, Healing } from '../model/blob.ts';
import type { BackupRow } from '../model/block.ts';
import type { BlockRange } from '../model/block-range.ts';
import type { BackupCounters } from '../model/counters.ts';
import type { Geometry } from '../model/geometry.ts';
import type { Migration, NewVersion, Version } from '../model/version.ts';

/** The outcome of a group commit. */
export interface CommitOutcome {
  /**
   * Rows that were not committed: the blob that dedup found is doomed or no longer named. These
   * blocks must be stored.
   */
  refused: BackupRow[];
  /** Other rows that got blobs of this group. */
  healing: Healing;
}

/** One group of a running backup. */
export interface BackupGroup {
  rows: readonly BackupRow[];
  /** Blocks that are all zero. */
  sparse: readonly BlockRange[];
  /**
   * Use the blobs of these rows for bad rows of the same content too: see {@link HealStore.heal}.
   */
  heals?: boolean;
  /**
   * The counters of the whole backup once this group is committed, without the refused rows. Saved
   * with the group.
   */
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

/** Which rows to copy from a base version. */
export interface TakeOverRequest {
  baseUid: string;
  versionUid: string;
  ranges: readonly BlockRange[];
  geometry: Geometry;
  /** The counters of the whole backup once all rows so far are copied. Saved with each piece. */
  counters(copied: TakeOverResult): BackupCounters;
  /** Called after each piece. */
  onCopied(copied: TakeOverResult): void;
}

/** A running backup. */
export interface BackupStore {
  createVersion(version: NewVersion): Promise<void>;
  /**
   * Finds valid blobs with these contents and this encryption version that are not doomed: one for
   * each key, by {@link dedupKey}.
   */
  findBlobs(keys: readonly DedupKey[], encVersion: number): Promise<Map<string, FoundBlob>>;
  /**
   * Commits rows and sparse ranges. The version MUST NOT have any of them yet. Each blob that
   * `rows` name MUST be durable before the call. A row found by dedup is committed only if a valid
   * row still names its blob and no cleanup has doomed it.
   */
  commitGroup(versionUid: string, group: BackupGroup, geometry: Geometry): Promise<CommitOutcome>;
  /**
   * Copies the rows of the base in `ranges` that are valid and of the right length, as sets. Takes
   * several transactions of a few seconds, so that others can write in between. The store chooses
   * the order. Needs temporary space for the rows of one call: about 300 bytes each.
   */
  takeOver(request: TakeOverRequest): Promise<TakeOverResult>;
  /** The ids within `range` that have a row, as ranges in order. */
  presentBlocks(versionUid: string, range: BlockRange): Promise<BlockRange[]>;
  /**
   * Deletes the rows that a resumed backup must write again: invalid rows, and rows of the wrong
   * length. Their blobs become candidates. @returns how many rows.
   */
  discardBadBlocks(versionUid: string, geometry: Geometry): Promise<number>;
  /** The invalid version that an unfinished migration of this kind left. */
  findMigration(migration: Migration): Promise<string | undefined>;
  /** Counters of an earlier run of this backup; undefined when it left none. */
  savedCounters(versionUid: string): Promise<BackupCounters | undefined>;
  /** Counters computed from the rows, for a backup that another program began. */
  countersFromRows(versionUid: string): Promise<BackupCounters>;
  /**
   * The last transaction of a backup: adds the stats row, if there are counters, and makes the
   * version valid. Rejects when rows are missing; the version stays invalid then.
   * @returns false, with nothing changed, when a row is invalid by now: discard such rows and write
   * them again.
   * @param date of the stats row. [now, by the clock of the database]
   */
  finishBackup(version: Version, counters: BackupCounters | undefined, date?: Date): Promise<boolean>;
}
