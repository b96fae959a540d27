/** One backup of one image (formats.md §1). */
export interface Version {
  uid: string;
  /** When the backup started. */
  date: Date;
  name: string;
  snapshotName: string;
  /** Blocks. */
  size: number;
  sizeBytes: number;
  valid: boolean;
  protected: boolean;
  expire: Date | null;
}

/** A version with its tags, sorted by name. */
export interface TaggedVersion extends Version {
  tags: string[];
}

/** What a version is created with; it starts invalid, unprotected and dated now. */
export interface NewVersion {
  uid: string;
  name: string;
  snapshotName: string;
  size: number;
  sizeBytes: number;
  expire: Date | null;
  tags: readonly string[];
  /** It is to hold the blocks of another version with blobs of another encryption version. */
  migration?: Migration;
}

/** What a version is a migrated copy of. */
export interface Migration {
  originUid: string;
  encVersion: number;
}

/** Where a block's bytes are. `uid` and `checksum` null: the block is all zero and has no blob. */
export interface BlockContent {
  uid: string | null;
  /** Lower-case hex of the plain bytes. */
  checksum: string | null;
  /** Bytes of the plain block. */
  size: number;
  encVersion: number;
  envKey: string | null;
  nonce: string | null;
}

/** What proves a master key: how a block was encrypted, and its wrapped data key in hex. */
export interface SealedBlock {
  encVersion: number;
  envKey: string;
}

/** A block whose data key is wrapped, and where it is. */
export interface SealedRow extends SealedBlock {
  versionUid: string;
  id: number;
  valid: boolean;
}

/** A row of table blocks, without its version. */
export interface BlockRow extends BlockContent {
  id: number;
  valid: boolean;
}

/** A block row with its date, as exports have it. */
export interface DatedBlockRow extends BlockRow {
  date: Date;
}

/** A row that a running backup wants to commit. */
export interface BackupRow extends BlockContent {
  id: number;
  /** True when the blob was found by dedup: the commit must make sure that it is still there to be used. */
  found: boolean;
  /** The blob that dedup had found before, and that is missing or cut. */
  replaces?: string | undefined;
}

/** A durable blob that can stand in for bad ones of the same content. */
export interface GoodBlob {
  uid: string;
  checksum: string;
  /** Bytes of the plain block. */
  size: number;
  encVersion: number;
  envKey: string | null;
  nonce: string | null;
  /** A blob that it replaces even where rows call that one good. */
  replaces?: string | undefined;
}

/** What healing changed. */
export interface Healing {
  /** Block rows that have another blob now. */
  blocks: number;
  /** Versions that hold them. */
  versions: string[];
}

/** Block ids `first … first + count - 1`. */
export interface BlockRange {
  first: number;
  count: number;
}

/** What a backup has done, summed up over all its runs when it was continued. */
export interface BackupCounters {
  bytesRead: number;
  blocksRead: number;
  bytesWritten: number;
  blocksWritten: number;
  bytesDedup: number;
  blocksDedup: number;
  bytesSparse: number;
  blocksSparse: number;
  durationSeconds: number;
}

/** A content address: what a blob must have in common with a block to be used for it. */
export interface DedupKey {
  checksum: string;
  size: number;
}

/** A blob found by its content. */
export interface FoundBlob {
  uid: string;
  envKey: string | null;
  nonce: string | null;
  /** Only an import says so: it MUST be read and verified before it is used. */
  imported?: true;
}

/** Which versions to list; undefined means any. */
export interface VersionFilter {
  name?: string | undefined;
  snapshotName?: string | undefined;
  tag?: string | undefined;
  /** Only versions whose expire date lies before this time. */
  expiredAt?: Date | undefined;
}

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

/** Where a block's bytes are, and nothing more. Null: it is all zero. */
export interface BlobOfBlock {
  id: number;
  uid: string | null;
}

/** Times that were in the future when they were dated now. */
export interface FutureTimes {
  count: number;
  /** How far the latest of them was ahead; 0 when there are none. */
  aheadSeconds: number;
}
