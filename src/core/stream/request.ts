/** Takes the bytes of a stream, in order. */
export interface ByteSink {
  /**
   * Writes pieces, whose bytes are valid until it resolves. MUST NOT block this thread.
   * @returns false if the reader is gone; further writes are useless.
   * @throws BackyError; the reason of `signal` as soon as that is aborted.
   */
  write(pieces: readonly Uint8Array[], signal: AbortSignal): Promise<boolean>;
  /** Makes all bytes durable, where that is possible. Throws as {@link write} does. */
  finish(signal: AbortSignal): Promise<void>;
}

/** A version, and where its bytes go. */
export interface StreamRequest {
  uid: string;
  sink: ByteSink;
  /** Write zeros in place of bad blocks. Otherwise the stream ends before the first one. */
  continueOnError: boolean;
  /** Continue although the store's id and blobs are missing. */
  acceptDamage?: boolean | undefined;
}

/** The outcome of a stream. */
export interface StreamResult {
  /** `readerGone`: the reader took only a part. */
  ending: 'written' | 'readerGone';
  /** Blocks that are zeros in the stream because they are bad. */
  blocksBad: number;
  /** Whether the database has exactly the rows of the version's blocks. */
  complete: boolean;
}
