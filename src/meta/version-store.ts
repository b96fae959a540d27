import type { TaggedVersion, VersionFilter } from '../model/version.ts';
import type { NameMemory } from './name-store.ts';

/** Versions, tags, dates. */
export interface VersionStore {
  /** Undefined when there is no such version. */
  findVersion(uid: string): Promise<TaggedVersion | undefined>;
  /** Sorted by name, date, then uid; texts by their bytes. */
  listVersions(filter: VersionFilter): Promise<TaggedVersion[]>;
  /**
   * Finds the newest valid version with this name that is not dated after `until`. If there is
   * none: the newest of those that are. MUST be quick if there are thousands of older ones.
   */
  findNewest(name: string, until: Date): Promise<TaggedVersion | undefined>;
  setProtected(uid: string, value: boolean): Promise<void>;
  setExpire(uid: string, expire: Date | null): Promise<void>;
  /** Existing tags are no error. */
  addTags(uid: string, tags: readonly string[]): Promise<void>;
  /** Missing tags are no error. */
  removeTags(uid: string, tags: readonly string[]): Promise<void>;
  setVersionInvalid(uid: string): Promise<void>;
  /** Makes the version and all its blocks valid. The caller has verified all of them. */
  setVersionValid(uid: string): Promise<void>;
  /**
   * Removes a version; its blobs become candidates for deletion. Takes several transactions, so
   * that others can write in between. The first one makes the version invalid, so that a crash
   * leaves no version that looks complete.
   * @param memory undefined: the names that were seen stay as they are.
   * @returns how many block rows it had.
   */
  removeVersion(uid: string, onProgress: (rowsRemoved: number) => void, memory?: NameMemory): Promise<number>;
}
