/**
 * The content of a block and its blob. `uid` and `checksum` are null for a sparse block: all zero,
 * without a blob.
 */
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

/** A block of an image. */
export interface Block extends BlockContent {
  id: number;
}

/** A block that is all zero. */
export function zeroBlock(id: number, size: number): Block {
  return { id, uid: null, checksum: null, size, encVersion: 0, envKey: null, nonce: null };
}

/** A row of table blocks, without its version. */
export interface BlockRow extends Block {
  valid: boolean;
}

/** Whether two rows say the same of their blobs, in every column. */
export function isSameBlob(a: Omit<BlockRow, 'id'>, b: Omit<BlockRow, 'id'>): boolean {
  return (
    a.uid === b.uid &&
    a.checksum === b.checksum &&
    a.size === b.size &&
    a.valid === b.valid &&
    a.encVersion === b.encVersion &&
    a.envKey === b.envKey &&
    a.nonce === b.nonce
  );
}

/** A block row with its date, as exports have it. */
export interface DatedBlockRow extends BlockRow {
  date: Date;
}

/** A row for a running backup to commit. */
export interface BackupRow extends Block {
  /** Whether dedup found the blob: then the commit must check that it can still be used. */
  found: boolean;
  /** A missing or damaged blob that dedup had found before. */
  replaces?: string | undefined;
}

/** A block and its blob, without further columns. Null: a sparse block. */
export interface BlobOfBlock {
  id: number;
  uid: string | null;
}
