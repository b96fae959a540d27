/** A blob that rows name. */
export interface NamedBlob {
  uid: string;
  checksum: string;
}

/** Which blobs to draw; see {@link IdentityStore.sampleBlobs}. */
export interface SampleRequest {
  limit: number;
  /** Only those of this version. */
  versionUid?: string | undefined;
  /** Those of rows that are known to be bad as well. */
  alsoInvalid?: boolean | undefined;
  /** A number from 0 to below 1. */
  random(): number;
}

/** What ties the database to its data backend. */
export interface IdentityStore {
  /**
   * The id of the store that the database belongs to; undefined when none was kept yet. Changes
   * nothing, in a database of the original either.
   */
  storeId(): Promise<string | undefined>;
  /** Keeps the store's id, unless there is one. @returns the one that is kept. */
  keepStoreId(id: string): Promise<string>;
  /** Whether some row names a blob. One look into an index. */
  namesBlobs(): Promise<boolean>;
  /**
   * Up to `limit` different blobs that valid rows name, from all over; all of them when there are
   * no more than `limit`. Costs a look into an index each, and in a version that is nearly all zero
   * it MAY miss blobs.
   */
  sampleBlobs(order: SampleRequest): Promise<NamedBlob[]>;
}
