import type { Layout } from '../model/layout.ts';

/**
 * A database that is made beside another one, with the same content in another layout. The other
 * one does not change before {@link replace}; nobody MAY write to it meanwhile.
 */
export interface Conversion<Store> {
  /** The new database, open. It has the versions that an interrupted conversion has copied. */
  readonly target: Store;
  /**
   * Makes everything but blocks equal: columns of versions, tags, statistics, candidates for
   * deletion, our own tables. The target MUST have all versions. One transaction.
   */
  copyRest(): Promise<void>;
  /**
   * Puts the new database in the place of the old one, at one moment: after a crash, one of them is
   * there and whole. Closes both. @returns where the old one is kept; undefined: it is not.
   */
  replace(): Promise<string | undefined>;
  /** Closes the new database, so that a later conversion can continue. */
  close(): Promise<void>;
}

/** How large a database is. */
export interface DatabaseSize {
  bytes: number;
  /** Blocks of all versions. */
  blocks: number;
  /** Different blobs. */
  blobs: number;
}

/** Conversion to another layout. */
export interface ConversionStore<Store> {
  /**
   * Begins to make a database in another layout, or continues. Needs an open store that can be
   * written.
   */
  convertTo(layout: Layout): Promise<Conversion<Store>>;
  /** Measures the database. About 1 µs for each block. */
  databaseSize(): Promise<DatabaseSize>;
}
