/** Changes of a version since its manifest was written. */
export interface CatalogueChanges {
  /** Grows with each change. */
  changes: number;
  /** The number of changes that the manifest shows; 0: no manifest was written. */
  written: number;
  /** Leaves (500 blocks each) whose rows changed since; `all`: any. */
  leaves: 'all' | number[];
}

/** A version whose manifest is written. */
export interface WrittenManifest {
  versionUid: string;
  /** {@link CatalogueChanges.changes} when its rows were read. */
  changes: number;
  /** The part of the catalogue for its name. */
  folder: string;
}

/** A version that was removed, while its manifest is still there. */
export interface RemovedManifest {
  versionUid: string;
  name: string;
  /** Empty: no manifest was ever written. */
  folder: string;
  /** Unix time of the removal. */
  removed: number;
  /** Whether the data backend knows of the removal. */
  isMarked: boolean;
}

/**
 * Which manifests of the catalogue are not up to date (docs/spec/semantics.md §17). A version is
 * tracked from {@link CatalogueStore.trackVersions} on: each transaction that changes it counts
 * that. Versions that are not tracked cost nothing.
 */
export interface CatalogueStore {
  /** Begins to track versions. Those that are tracked stay as they are. */
  trackVersions(versionUids: readonly string[]): Promise<void>;
  /** Valid versions that are not tracked, and tracked ones that never had a manifest, by name. */
  versionsWithoutManifest(): Promise<string[]>;
  /**
   * Invalid versions that no manifest was begun for: if there is one, it is newer than this
   * database.
   */
  versionsBeforeManifest(): Promise<string[]>;
  /**
   * Tracked versions that changed since their manifest was written: valid ones, and invalid ones
   * that have a manifest.
   */
  staleVersions(): Promise<string[]>;
  /** Undefined for a version that is not tracked. */
  catalogueChanges(versionUid: string): Promise<CatalogueChanges | undefined>;
  /** Counts a change of a tracked version from outside: its manifest must be written whole. */
  markManifestStale(versionUid: string): Promise<void>;
  /**
   * Notes that a manifest was written. @returns false, with nothing changed but the folder, if the
   * version has changed since, or is gone.
   */
  settleManifest(manifest: WrittenManifest): Promise<boolean>;
  /** Tracked versions with a manifest, by name. `written`: see {@link CatalogueChanges}. */
  writtenManifests(): Promise<{ versionUid: string; name: string; folder: string; written: number }[]>;
  /** Removed versions with a manifest, oldest removal first. */
  removedManifests(): Promise<RemovedManifest[]>;
  /** Notes that the data backend knows of removals. */
  settleRemovals(versionUids: readonly string[]): Promise<void>;
  /** Forgets removed versions whose manifests are deleted. */
  forgetManifests(versionUids: readonly string[]): Promise<void>;
  /** Enters removals that a catalogue knows of into a new database. */
  recordRemovals(removed: readonly RemovedManifest[]): Promise<void>;
}
