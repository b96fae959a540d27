/** A part of a range that was read from an image. */
export type ImagePiece =
  /** `bytes` are valid until `release` is called. It MUST be called once. */
  | { kind: 'data'; offset: number; bytes: Uint8Array; release(): void }
  | { kind: 'zeros'; offset: number; length: number }
  /** A block that is bad or can't be read now. */
  | { kind: 'failed'; offset: number; length: number; error: Error };

/** A part of an image that follows the extent before it. */
export interface Extent {
  length: number;
  /** It reads as zeros and takes no space. */
  isZero: boolean;
}
