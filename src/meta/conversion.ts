import { BackyError } from '../errors.ts';
import type { Layout } from '../model/layout.ts';
import { NoDatabaseError } from './no-database.ts';

/**
 * A database that is made beside another one, with the same content in another layout. The other
 * one does not change before {@link replace}; nobody MAY write to it meanwhile.
 */
export interface Conversion<Store> {
  /** The new database, open. It has the versions that an interrupted conversion has copied. */
  readonly target: Store;
  /** How a user gives up an unfinished conversion, as a hint says it: `remove FILE`. */
  readonly giveUp: string;
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

/**
 * The error for the place of a new database that holds something else. `place` names it. Other
 * errors come back as they are.
 */
export function unusableCopy(error: unknown, { place, giveUp }: { place: string; giveUp: string }): unknown {
  const isOther = error instanceof NoDatabaseError || (error instanceof BackyError && error.code === 'config');
  if (!isOther) return error;
  return new BackyError('database', `${place} is not an unfinished conversion of this database. Nothing was changed.`, {
    hint: `To begin the conversion again, ${giveUp}. Then run the command again.`,
    cause: error,
  });
}
