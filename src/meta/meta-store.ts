import type { DedupKey, FoundBlob, Healing, SealedBlock, SealedRow } from '../model/blob.ts';
import type { BackupRow, BlobOfBlock, BlockRow, DatedBlockRow } from '../model/block.ts';
import type { BlockRange } from '../model/block-range.ts';
import type { BackupCounters } from '../model/counters.ts';
import type { Geometry } from '../model/geometry.ts';
import type { BackupStats, DiskUsage, FutureTimes, StatsFilter } from '../model/reports.ts';
import type { Migration, NewVersion, TaggedVersion, Version, VersionFilter } from '../model/version.ts';
import type { StoreIdentity } from './identity-store.ts';
import type { HealStore, VerificationStore } from './verification-store.ts';

/**
 * The metadata: versions, their blocks, tags, candidates for deletion, statistics. One file, though
 * long: the parts are read together by those who write a store.
 *
 * Every method is one transaction unless it says otherwise, and durable on return. A store that is busy with another
 * writer waits for it (and says so after a while); it MUST NOT fail for that alone. Methods MAY be called
 * again after they failed. Failures are BackyErrors with code `database`.
 */
export interface MetaStore
  extends VersionStore,
    BlockStore,
    BackupStore,
    CleanupStore,
    EncryptionStore,
    HealStore,
    StoreIdentity,
    VerificationStore,
    TransferStore,
    ReportStore {
  /** Creates the schema. An initialised database is an error and stays untouched. */
  initialize(): Promise<void>;
  /**
   * Makes the database ready for use: one of an older revision is upgraded; an unknown revision is
   * refused and nothing is changed. Without a database of ours: a NoDatabaseError, unless the store
   * may create it. @returns whether it was created.
   */
  open(how?: OpenHow): Promise<{ isNew: boolean }>;
  /**
   * Writes a copy of the whole database, as it is at one moment, over the empty file `to`; others
   * may write meanwhile. The copy is not synced. Needs no {@link open}, and upgrades nothing.
   * `signal` ends it.
   */
  copyTo(to: string, signal: AbortSignal): Promise<void>;
  /** Leaves the database closed and whole. */
  close(): Promise<void>;
}

/** How a store is opened. */
export interface OpenHow {
  /** Create and upgrade nothing: a database that would need it is an error `database`. */
  asItIs?: boolean;
}

/** Versions, tags, dates. */
export interface VersionStore {
  /** Undefined when there is no such version. */
  findVersion(uid: string): Promise<TaggedVersion | undefined>;
  /** Sorted by name, then date. */
  listVersions(filter: VersionFilter): Promise<TaggedVersion[]>;
  setProtected(uid: string, value: boolean): Promise<void>;
  setExpire(uid: string, expire: Date | null): Promise<void>;
  /** A tag that is there already is fine. */
  addTags(uid: string, tags: readonly string[]): Promise<void>;
  /** A tag that is not there is fine. */
  removeTags(uid: string, tags: readonly string[]): Promise<void>;
  setVersionInvalid(uid: string): Promise<void>;
  /** Makes the version and all its blocks valid, after every one of them was found good. */
  setVersionValid(uid: string): Promise<void>;
  /**
   * Removes a version; its blobs become candidates for deletion, with the time. In several transactions, the first of
   * which makes the version invalid, so that others can write between and a crash leaves nothing that looks whole.
   * @returns how many block rows it had.
   */
  removeVersion(uid: string, onProgress: (rowsRemoved: number) => void): Promise<number>;
}

/** How the ids of a version's rows fit its size. The database holds no id twice. */
export interface RowIds {
  /** Rows with ids from 0 to size - 1. */
  fitting: number;
  /** All others: out of range, or (SQLite) no whole number. */
  stray: number;
  /** A few ids of stray rows, as text. */
  examples: string[];
}

/**
 * Block rows of finished versions. Rows with ids that no block can have are given by none of these
 * but {@link checkIds}.
 */
export interface BlockStore {
  countBlocks(versionUid: string): Promise<number>;
  /** Looks at the ids of all rows of a version of `size` blocks. */
  checkIds(versionUid: string, size: number): Promise<RowIds>;
  /**
   * Up to `limit` rows with ids above `afterId` (start with -1), in id order. Ids MAY be beyond the
   * version's size.
   */
  blockPage(versionUid: string, afterId: number, limit: number): Promise<BlockRow[]>;
  /** The rows that exist among `ids`. */
  blocksById(versionUid: string, ids: readonly number[]): Promise<BlockRow[]>;
  /** Marks all rows with this blob and checksum, and every version that holds one, invalid. @returns those versions. */
  markBlockInvalid(uid: string, checksum: string | null): Promise<string[]>;
}

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
export interface TakeOverOrder {
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
  takeOver(order: TakeOverOrder): Promise<TakeOverResult>;
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

/**
 * Cleanup's side of the protocol in semantics.md. Ages of candidates are by one clock, which also
 * gives them their times: the database server's, where there is one, since clocks of hosts differ;
 * else this host's.
 */
export interface CleanupStore {
  /** Dates candidates from the future now: their hour begins. Else they would stay until then. */
  redateFutureCandidates(): Promise<FutureTimes>;
  /**
   * Drops candidates of at least this age that some row still names. @returns how many of that age
   * are left.
   */
  dropUsedCandidates(minAgeSeconds: number): Promise<number>;
  /**
   * Dooms up to `limit` candidates of at least this age and with this prefix that no row names:
   * from now on no backup can use them.
   * @returns their uids.
   */
  doomCandidates(minAgeSeconds: number, limit: number, prefix: string): Promise<string[]>;
  /** Doomed uids that an earlier cleanup left; those that some row names by now are freed instead. */
  leftDoomed(limit: number): Promise<string[]>;
  /** Forgets doomed blobs and their candidates: their blobs are gone. */
  forgetDoomed(uids: readonly string[]): Promise<void>;
  /** Those of `uids` that no row names. */
  unnamed(uids: readonly string[]): Promise<string[]>;
  /** Counts a full cleanup. MUST come before it looks for blobs to delete. */
  countFullCleanup(): Promise<void>;
  /**
   * How many full cleanups were begun, ever: those who store blobs see by it that one runs or has
   * run.
   */
  fullCleanups(): Promise<number>;
  /** Those of `uids` that are candidates for deletion, of any age, or doomed. */
  candidatesAmong(uids: readonly string[]): Promise<string[]>;
  /**
   * Makes sure that {@link unnamed} finds each row, before all is deleted that it does not find.
   * Changes nothing. Rejects with code `database` when it does not.
   */
  verifyUidIndex(signal: AbortSignal): Promise<void>;
}

/** How wrapped keys are replaced. */
export interface RewrapOrder {
  /** The new wrapped key of a block, or undefined to leave it as it is. A throw ends it all, with nothing changed. */
  rewrap(block: SealedRow): string | undefined;
  /** Told now and then how many of how many rows were looked at. A throw ends it all, with nothing changed. */
  onProgress(done: number, total: number): void;
}

/** What became of the rows. */
export interface RewrapCounts {
  rewrapped: number;
  /** Encrypted blocks that were left as they are. */
  left: number;
  sparse: number;
  /** Blocks that are not encrypted. */
  plain: number;
}

/** How blocks are encrypted. */
export interface EncryptionStore {
  /** Up to `limit` different encrypted blocks of a version; none only if it has none. Not a transaction. */
  sealedBlocks(version: Version, limit: number): Promise<SealedBlock[]>;
  /**
   * Up to `limit` different encrypted blocks, of any version. Looks at a bounded number of rows, newest versions first: it MAY find none where
   * only few, old blocks are encrypted.
   */
  sampleSealedBlocks(limit: number): Promise<SealedBlock[]>;
  /**
   * Gives every encrypted block another wrapped key, in one transaction: all of them or, when `rewrap` throws, none. No one else can
   * write meanwhile; messages and signals are heard.
   */
  rewrapKeys(order: RewrapOrder): Promise<RewrapCounts>;
}

/** Export and import. */
export interface TransferStore {
  datedBlockPage(versionUid: string, afterId: number, limit: number): Promise<DatedBlockRow[]>;
  /**
   * Adds a whole version in one transaction. Rejects, with nothing changed, when `rows` throws or
   * the version exists (code `versionExists`). Blocks whose blobs are doomed come in invalid, and
   * so does the version. Contents of blobs that no row had before are remembered as imported, in
   * the same transaction: see {@link FoundBlob.imported}.
   * @param isWhole asked after the last row: false makes the version invalid. @returns how many
   * blocks have a doomed blob.
   */
  importVersion(version: Version, rows: AsyncIterable<DatedBlockRow>, isWhole?: () => boolean): Promise<number>;
}

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
