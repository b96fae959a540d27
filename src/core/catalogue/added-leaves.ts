import type { LeafList } from '../../data/catalogue/types.ts';
import { type FillPage, isCopy } from '../../meta/fill-store.ts';
import { leafOfBlock } from '../../model/catalogue-leaf.ts';

/** Leaves that are copied together: one of the compact layout. */
const UNIT = 2;

/** The count of a leaf that has a bad row. */
const HAS_BAD = -1;

/** The leaves of a version. */
interface Leaves {
  versionUid: string;
  folder: string;
  list: LeafList;
}

interface CountedLeaves extends Leaves {
  /** Good rows of each leaf that were added. 0: none, or it could not be read. */
  rows: Int16Array;
}

/** Leaves that two versions have in the same place. */
interface FoundLeaves {
  /** The version that is in the database. */
  versionUid: string;
  leaves: number;
  rows: number;
}

/**
 * The leaves of the version that was added last. The next one of the same image has most of them as
 * well: they need not be read again, and can be copied in the database. 66 bytes for each leaf.
 */
export class AddedLeaves {
  #last: CountedLeaves | undefined;
  #next: CountedLeaves | undefined;

  /** Begins the next version. */
  begin(leaves: Leaves): void {
    this.#next = { ...leaves, rows: new Int16Array(leaves.list.length) };
  }

  /**
   * Leaves from `first` on that the last and the next version share. All their rows are good. Finds
   * some only where a leaf of the compact layout begins.
   */
  find(first: number): FoundLeaves | undefined {
    const [last, next] = [this.#last, this.#next];
    if (last === undefined || next === undefined || first % UNIT !== 0 || last.folder !== next.folder) return undefined;
    let rows = 0;
    for (let leaf = first; leaf < first + UNIT; leaf++) {
      const name = next.list[leaf];
      if (last.list[leaf] !== name) return undefined;
      if (name === undefined || name === 'empty') continue;
      const added = last.rows[leaf] ?? 0;
      if (added <= 0) return undefined;
      rows += added;
    }
    if (rows === 0) return undefined;
    return { versionUid: last.versionUid, leaves: Math.min(UNIT, next.list.length - first), rows };
  }

  /** Notes the rows of the next version on their way into the database. Yields the same pages. */
  async *note(pages: AsyncIterable<FillPage>): AsyncIterable<FillPage> {
    for await (const page of pages) {
      if (isCopy(page)) this.#noteSame(leafOfBlock(page.blocks.first));
      else for (const { id, valid } of page) this.#noteRow(leafOfBlock(id), valid);
      yield page;
    }
    this.#last = this.#next;
  }

  #noteSame(first: number): void {
    this.#next?.rows.set(this.#last?.rows.subarray(first, first + UNIT) ?? [], first);
  }

  #noteRow(leaf: number, isGood: boolean): void {
    const rows = this.#next?.rows;
    if (rows === undefined) return;
    if (!isGood) rows[leaf] = HAS_BAD;
    else if (rows[leaf] !== HAS_BAD) rows[leaf] = (rows[leaf] ?? 0) + 1;
  }
}
