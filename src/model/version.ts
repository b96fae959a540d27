/** One backup of one image (docs/spec/formats.md §1). */
export interface Version {
  uid: string;
  /** When the backup started. */
  date: Date;
  name: string;
  snapshotName: string;
  /** Blocks. */
  size: number;
  sizeBytes: number;
  valid: boolean;
  protected: boolean;
  expire: Date | null;
}

/** A version with its tags, sorted by name. */
export interface TaggedVersion extends Version {
  tags: string[];
}

/** The fields of a new version; it starts invalid, unprotected and dated now. */
export interface NewVersion {
  uid: string;
  name: string;
  snapshotName: string;
  size: number;
  sizeBytes: number;
  expire: Date | null;
  tags: readonly string[];
  /** Set for a copy of another version with blobs of another encryption version. */
  migration?: Migration;
}

/** The origin of a migrated version. */
export interface Migration {
  originUid: string;
  encVersion: number;
}

/** Which versions to list; undefined means any. */
export interface VersionFilter {
  name?: string | undefined;
  snapshotName?: string | undefined;
  tag?: string | undefined;
  /** Only versions that were made after this time. */
  datedAfter?: Date | undefined;
  /** Only versions whose expire date lies before this time. */
  expiredAt?: Date | undefined;
}

/** The fields of a version that completion shows. */
export interface VersionGlimpse {
  uid: string;
  name: string;
  snapshotName: string;
  /** `YYYY-MM-DD HH:MM:SS`, UTC. */
  date: string;
  valid: boolean;
  /** Sorted. */
  tags: string[];
}
