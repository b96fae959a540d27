/** A blob that rows name. */
export interface NamedBlob {
  uid: string;
  checksum: string;
}

/** Which blobs to choose; see {@link IdentityStore.sampleBlobs}. */
export interface SampleRequest {
  limit: number;
  /** Only those of this version. */
  versionUid?: string | undefined;
  /** Also blobs of invalid rows. */
  alsoInvalid?: boolean | undefined;
  /** Returns a number from 0 to below 1. */
  random(): number;
}

/** The connection between the database and its data backend. */
export interface IdentityStore {
  /**
   * The id of the store that the database belongs to; undefined when none is saved. Changes
   * nothing, not even in a database of the original.
   */
  storeId(): Promise<string | undefined>;
  /** Saves the id of the store, unless there is one. @returns the saved one. */
  keepStoreId(id: string): Promise<string>;
  /** Whether some row names a blob. One index lookup. */
  namesBlobs(): Promise<boolean>;
  /**
   * Chooses up to `limit` different blobs of valid rows, at random; all of them when there are no
   * more than `limit`. One index lookup for each. In a version that is nearly all zero, it MAY miss
   * blobs.
   */
  sampleBlobs(request: SampleRequest): Promise<NamedBlob[]>;
}
