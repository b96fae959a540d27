import type { TaggedVersion, VersionFilter } from '../model/version.ts';

/** Versions, tags, dates. */
export interface VersionStore {
  /** Undefined when there is no such version. */
  findVersion(uid: string): Promise<TaggedVersion | undefined>;
  /** Sorted by name, then date. */
  listVersions(filter: VersionFilter): Promise<TaggedVersion[]>;
  setProtected(uid: string, value: boolean): Promise<void>;
  setExpire(uid: string, expire: Date | null): Promise<void>;
  /** A tag that is there already is fine. */
  addTags(uid: string, tags: readonly string[]): Promise<void>;
  /** A tag that is not there is fine. */
  removeTags(uid: string, tags: readonly string[]): Promise<void>;
  setVersionInvalid(uid: string): Promise<void>;
  /** Makes the version and all its blocks valid, after every one of them was found good. */
  setVersionValid(uid: string): Promise<void>;
  /**
   * Removes a version; its blobs become candidates for deletion, with the time. In several transactions, the first of
   * which makes the version invalid, so that others can write between and a crash leaves nothing that looks whole.
   * @returns how many block rows it had.
   */
  removeVersion(uid: string, onProgress: (rowsRemoved: number) => void): Promise<number>;
}
