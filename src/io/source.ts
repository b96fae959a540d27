/**
 * A source to back up or compare with: a fixed number of bytes, read at any offset. One instance
 * belongs to one thread; several threads open their own.
 */
export interface Source {
  /** Bytes, fixed when it was opened. */
  readonly sizeBytes: number;
  /**
   * Fills `into` with the bytes from `offset`. MUST fill it whole or reject: a short read is an
   * error that names the offset, never padding. The caller MUST NOT use `into` until it settles.
   * MAY return undefined instead of a promise when it has filled `into` already.
   */
  read(into: Uint8Array, offset: number): Promise<void> | undefined;
  /** True when the range is known to be zero without a read. False when unsure. Cheap. */
  isHole(offset: number, length: number): boolean | Promise<boolean>;
  close(): Promise<void>;
}
