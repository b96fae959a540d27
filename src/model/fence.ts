/**
 * Advisory locks by which a transaction sees that locks between hosts, which another session of
 * this program holds, are still held. Without them, a transaction that runs again after a lost
 * connection could commit rows whose blobs another host has deleted.
 */
export interface Fence {
  /**
   * A key to share until the end of the transaction. It MUST be granted: otherwise another program
   * has the installation. Undefined when this program holds the installation itself.
   */
  share: bigint | undefined;
  /**
   * A key that only the session of our locks holds. It MUST NOT be granted: otherwise this session,
   * and its locks with it, was lost.
   */
  taken: bigint;
}
