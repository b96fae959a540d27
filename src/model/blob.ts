import type { BlockRow } from './block.ts';

/** The content of a block: a blob can be used for all blocks with the same key. */
export interface DedupKey {
  checksum: string;
  size: number;
}

/** A key of maps for a content. */
export function dedupKey(key: DedupKey): string {
  return `${key.size}:${key.checksum}`;
}

/** A blob as its rows describe it. */
export interface StoredBlob extends Omit<BlockRow, 'id'> {
  uid: string;
}

/** A blob found by its content. */
export interface FoundBlob {
  uid: string;
  envKey: string | null;
  nonce: string | null;
  /** Known only from an import: it MUST be read and verified before it is used. */
  imported?: true;
}

/** A durable blob that can replace bad ones of the same content. */
export interface GoodBlob {
  uid: string;
  checksum: string;
  /** Bytes of the plain block. */
  size: number;
  encVersion: number;
  envKey: string | null;
  nonce: string | null;
  /** A blob to replace even in rows that are valid. */
  replaces?: string | undefined;
}

/** The changes of healing. */
export interface Healing {
  /** Block rows that got another blob. */
  blocks: number;
  /** Versions with such rows. */
  versions: string[];
}

/**
 * Enough of an encrypted block to check a master key: its encryption version and its wrapped data
 * key in hex.
 */
export interface SealedBlock {
  encVersion: number;
  envKey: string;
}

/** An encrypted block and its place. */
export interface SealedRow extends SealedBlock {
  versionUid: string;
  id: number;
  valid: boolean;
}
