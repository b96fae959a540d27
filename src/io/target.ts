/**
 * A target to restore to. One instance belongs to one thread; several threads open the same target
 * and write different ranges.
 */
export interface Target {
  /** Writes all of `bytes` at `offset`. */
  write(bytes: Uint8Array, offset: number): Promise<void>;
  /** Makes a range read as zeros, as cheaply as the target can. */
  writeZeros(offset: number, length: number): Promise<void>;
  /** When it resolves, everything written by any thread before the call is durable. */
  flush(): Promise<void>;
  close(): Promise<void>;
}
