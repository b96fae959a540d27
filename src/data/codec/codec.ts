/** What a block's row keeps so that its blob can be decoded (formats.md §2, §4). */
export interface BlobSeal {
  /** Hex text of the wrapped data key; null when there is none. */
  envKey: string | null;
  /** Hex text; null when there is none. */
  nonce: string | null;
}

/** A block as it is stored. */
export interface EncodedBlob extends BlobSeal {
  /** The plain bytes themselves, or a part of the buffer that {@link BlobCodec.encode} got. */
  bytes: Uint8Array;
}

/** How a block's bytes become a blob's bytes and back, for one `enc_version`. An instance belongs to one thread. */
export interface BlobCodec {
  readonly encVersion: number;
  /** False: a blob is the plain block, so no buffers are needed to make one of the other. */
  readonly transforms: boolean;
  /** The most bytes that a block of `plainBytes` can take as a blob. */
  maxStoredBytes(plainBytes: number): number;
  /** False when a blob of this length can't be that block: it is cut, empty or someone else's. */
  isPlausible(storedBytes: number, plainBytes: number): boolean;
  /** @param into where the blob is made, if this codec transforms: at least {@link maxStoredBytes} of the block. */
  encode(plain: Uint8Array, into: Uint8Array): EncodedBlob;
  /**
   * Throws a BackyError (`blocksBad`) when the bytes are not what {@link encode} made of a block of that length.
   * @param stored the blob; a codec that transforms uses it as its working space.
   * @param into where the block is made, if this codec transforms; as long as the block.
   * @returns the block: `into`, or `stored` itself.
   */
  decode(stored: Uint8Array, seal: BlobSeal, into: Uint8Array): Uint8Array;
}
