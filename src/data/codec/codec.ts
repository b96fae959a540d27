/** What a block's row keeps so that its blob can be decoded (formats.md §2, §4). */
export interface BlobSeal {
  /** Hex text of the wrapped data key; null when there is none. */
  envKey: string | null;
  /** Hex text; null when there is none. */
  nonce: string | null;
}

/** A block as it is stored. */
export interface EncodedBlob extends BlobSeal {
  /** MAY be the plain bytes themselves. */
  bytes: Uint8Array;
}

/** How a block's bytes become a blob's bytes and back, for one `enc_version`. An instance belongs to one thread. */
export interface BlobCodec {
  readonly encVersion: number;
  /** The most bytes that a block of `plainBytes` can take as a blob. */
  maxStoredBytes(plainBytes: number): number;
  /** False when a blob of this length can't be that block: it is cut, empty or someone else's. */
  isPlausible(storedBytes: number, plainBytes: number): boolean;
  encode(plain: Uint8Array): EncodedBlob;
  /** Throws a BackyError (`blocksBad`) when the bytes are not what {@link encode} made. MAY return `stored` itself. */
  decode(stored: Uint8Array, seal: BlobSeal): Uint8Array;
}
