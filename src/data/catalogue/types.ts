import type { BlockRow } from '../../model/block.ts';
import type { BackupStats } from '../../model/reports.ts';
import type { TaggedVersion } from '../../model/version.ts';

export { LEAF_BLOCKS } from '../../model/catalogue-leaf.ts';

/** All of a version but its blocks: the content of a head (docs/spec/formats.md §10). */
export interface ManifestHead {
  version: TaggedVersion;
  stats: BackupStats[];
  /** Bytes; null: not known. */
  blockSize: number | null;
  hashFunction: string;
  storeId: string | null;
  /** Name of the list's object. */
  list: string;
  /** SHA-256 of the list's payload, in hex. */
  listDigest: string;
  /**
   * How often the database had noted a change of the version: a smaller number than it remembers
   * tells that the store was rolled back. Undefined: not known.
   */
  changes?: number | undefined;
}

/**
 * The names of a version's leaves in order, 32 hex digits each. `empty`: none of its blocks has a
 * row.
 */
export type LeafList = string[];

/**
 * The row of a block in a leaf. `envKey` of an encrypted block is its data key in plain, 64 hex
 * digits, or another text if the wrapped key can't be unwrapped.
 */
export type LeafRow = BlockRow;

/** The encoded rows of a leaf. */
export interface LeafPayload {
  /** With data keys that are not wrapped. */
  bytes: Uint8Array;
  hasDataKeys: boolean;
}

/** A leaf that is encoded: its name follows from its rows. */
export interface EncodedLeaf {
  /** 32 hex digits, or `empty`: that has no object. */
  name: string;
  /** Undefined for a leaf without an object. */
  payload: Uint8Array | undefined;
}

/** How a catalogue is opened. MUST NOT be logged. */
export interface CatalogueOptions {
  /** The configured master key, 64 hex digits; undefined: none. */
  masterKey: string | undefined;
  /** A second key to open or wrap the catalogue key with. */
  recovery?: RecoverySource | undefined;
}

/** The configured recovery key, which is read only when it is needed: it may be kept elsewhere. */
export interface RecoverySource {
  by: 'recovery-file' | 'recovery-passphrase';
  /** Rejects if it can't be read. */
  read(): Promise<RecoveryKey>;
}

/** The recovery key: from a file (64 hex digits) or by a passphrase. */
export type RecoveryKey = { hex: string } | { passphrase: string };
