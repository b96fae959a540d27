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

/** A block of an image, and where its bytes are. */
export interface Block extends BlockContent {
  id: number;
}

/** A row of table blocks, without its version. */
export interface BlockRow extends Block {
  valid: boolean;
}

/** A block row with its date, as exports have it. */
export interface DatedBlockRow extends BlockRow {
  date: Date;
}

/** A row that a running backup wants to commit. */
export interface BackupRow extends Block {
  /**
   * True when the blob was found by dedup: the commit must make sure that it is still there to be
   * used.
   */
  found: boolean;
  /** The blob that dedup had found before, and that is missing or cut. */
  replaces?: string | undefined;
}

/** Where a block's bytes are, and nothing more. Null: it is all zero. */
export interface BlobOfBlock {
  id: number;
  uid: string | null;
}
