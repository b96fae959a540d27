/**
 * What is backed up or compared with: a fixed number of bytes that can be read anywhere.
 * One instance belongs to one thread; several threads open their own.
 */
export interface Source {
  /** Bytes, fixed when it was opened. */
  readonly sizeBytes: number;
  /**
   * Fills `into` with the bytes from `offset`. MUST fill it whole or reject: a short read is an error that
   * names the offset, never padding. `into` MUST NOT be used by anyone else until it settles. MAY do it all before it returns, without a
   * promise, when the bytes are at hand.
   */
  read(into: Uint8Array, offset: number): Promise<void> | undefined;
  /** True when the range is known to hold only zeros without reading it. False when unsure. Cheap. */
  isHole(offset: number, length: number): boolean;
  close(): Promise<void>;
}
