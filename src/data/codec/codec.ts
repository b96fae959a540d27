/** Bytes of a blob's nonce (docs/spec/formats.md §4). */
export const NONCE_BYTES = 16;

/** The columns of a block's row that decoding its blob needs (docs/spec/formats.md §2, §4). */
export interface BlobSeal {
  /** Hex text of the wrapped data key; null when there is none. */
  envKey: string | null;
  /** Hex text; null when there is none. */
  nonce: string | null;
}

/** A block as it is stored. */
export interface EncodedBlob extends BlobSeal {
  /** The plain bytes themselves, or a part of the buffer given to {@link BlobCodec.encode}. */
  bytes: Uint8Array;
}

/** Encodes blocks to blobs and back, for one `enc_version`. An instance belongs to one thread. */
export interface BlobCodec {
  readonly encVersion: number;
  /** False if a blob is the plain block itself, so that no buffers are needed. */
  readonly transforms: boolean;
  /** The most bytes of a blob whose block has `plainBytes`. */
  maxStoredBytes(plainBytes: number): number;
  /** False if a blob of this length can't be that block: it is cut, empty or of something else. */
  isPlausible(storedBytes: number, plainBytes: number): boolean;
  /**
   * @param into takes the blob, if this codec transforms: at least {@link maxStoredBytes} of the
   * block.
   */
  encode(plain: Uint8Array, into: Uint8Array): EncodedBlob;
  /**
   * Throws a BackyError (`blocksBad`) if {@link encode} did not make `stored` from a block of that
   * length.
   * @param stored the blob; a codec that transforms overwrites it.
   * @param into takes the block, if this codec transforms; as long as the block.
   * @returns the block: `into`, or `stored` itself.
   */
  decode(stored: Uint8Array, seal: BlobSeal, into: Uint8Array): Uint8Array;
}
