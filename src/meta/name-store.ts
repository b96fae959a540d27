/** A name that was seen: a version of it was valid once, or `rm --expired` removed one. */
export interface SeenName {
  name: string;
  /** The oldest version that was known then. */
  since: Date;
}

/**
 * Meaning of a removal for the name of the version: `keep` it as seen, or `forget` it with its last
 * version.
 */
export type NameMemory = 'keep' | 'forget';

/** The names of versions that were seen. They outlive their versions, so that `sla` misses them. */
export interface NameStore {
  /** All of them, in any order. Changes nothing, not even in a database of the original. */
  seenNames(): Promise<SeenName[]>;
  /** Forgets a name. @returns whether it was known. */
  forgetName(name: string): Promise<boolean>;
}
