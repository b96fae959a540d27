import type { BlockRow } from '../model/block.ts';
import type { BlockRange } from '../model/block-range.ts';

/**
 * Damage that only the layout of a database can show:
 * - `leaf`: a piece of a version's map is missing, or does not have its sum
 * - `digest`: the map is not the one that its version was finished with
 * - `blob`: a block with data names no blob, or one that has no row
 * - `dangling`: a leaf or a map that no version uses, and that no removal or import has left
 * - `index`: an index leads to the row of another block
 * - `doomed`: a valid block names a blob that a cleanup is about to delete
 */
export type StoredProblem = 'leaf' | 'digest' | 'blob' | 'dangling' | 'index' | 'doomed';

/** A place in the database that can't be right. */
export interface Damage {
  /** Undefined: it belongs to no version. */
  versionUid?: string | undefined;
  /** The blocks that it affects; undefined: none, or the whole version. */
  range?: BlockRange | undefined;
  problem: StoredProblem;
  /** One line, without a full stop. */
  detail: string;
}

/** Rows of a version, and damage among them. */
export interface CheckedPage {
  /** In the order of ids. None of a damaged range. */
  rows: BlockRow[];
  damage: Damage[];
  /** Continue above this id; undefined: the version has no more. */
  after: number | undefined;
}

/** Checks of the database's own structure. They change nothing. */
export interface IntegrityStore {
  /** Checks what belongs to a version, apart from its rows. */
  checkVersion(versionUid: string): Promise<Damage[]>;
  /**
   * As BlockStore.blockPage, but damage is part of the answer and never ends the call. `limit` MAY
   * be exceeded.
   */
  checkedPage(versionUid: string, afterId: number, limit: number): Promise<CheckedPage>;
  /**
   * Compares the indexes of blocks and blobs with their tables, and looks for damaged pages, where
   * the engine does not do that itself. Rejects with code `database` when one is damaged.
   * @param onPiece called repeatedly; a throw ends it.
   */
  verifyIndexes(onPiece: () => void): Promise<void>;
  /**
   * Checks what belongs to several versions, or to none. @param onPiece called repeatedly; a throw
   * ends it.
   */
  checkShared(onPiece: () => void): Promise<Damage[]>;
}
