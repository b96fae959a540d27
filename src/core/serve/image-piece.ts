/** A piece of what was read from an image. */
export type ImagePiece =
  /** `bytes` are good until `release` is called, once. */
  | { kind: 'data'; offset: number; bytes: Uint8Array; release(): void }
  | { kind: 'zeros'; offset: number; length: number }
  /** A block that is bad or can't be had now. */
  | { kind: 'failed'; offset: number; length: number; error: Error };

/** A stretch of an image, behind the one before it. */
export interface Extent {
  length: number;
  /** It reads as zeros, and nothing is kept for it. */
  isZero: boolean;
}
