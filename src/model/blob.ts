/** A content address: what a blob must have in common with a block to be used for it. */
export interface DedupKey {
  checksum: string;
  size: number;
}

/** The text that stands for a content address in maps. */
export function dedupKey(key: DedupKey): string {
  return `${key.size}:${key.checksum}`;
}

/** A blob found by its content. */
export interface FoundBlob {
  uid: string;
  envKey: string | null;
  nonce: string | null;
  /** Only an import says so: it MUST be read and verified before it is used. */
  imported?: true;
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
