import type { BlockRange } from '../../model/block-range.ts';
import type { SqlDatabase } from '../sql/database.ts';
import { sql } from '../sql/statement.ts';
import type { Steps } from '../sql/steps.ts';
import { damaged } from './damage.ts';
import { countBlocks, emptyLeaf, LEAF_BLOCKS, type Leaf, MISSING, ZERO } from './leaf.ts';
import type { LeafHash } from './leaf-sum.ts';
import { leafOf, leafPage, type VersionMap } from './maps.ts';
import type { PlacedLeaf } from './placed-leaf.ts';
import { type NewLeaf, putLeaves } from './put-leaves.ts';

/** New blocks of one leaf. */
interface LeafChange {
  blocks: Leaf;
  /** Those that are odd; see {@link PlacedLeaf}. */
  odd: number;
}

/** Leaves that are read and written at a time: 16 MB. */
const BATCH_LEAVES = 1000;

/** All leaves that are zero as a whole: an image of zeros has tens of thousands of them. */
const ZEROS: Leaf = new Float64Array(LEAF_BLOCKS).fill(ZERO);

/** Blocks to add to a version, by leaf. Holds 8 KB for each leaf that has some but zeros. */
export class Changes {
  readonly #byLeaf = new Map<number, LeafChange>();

  /** A block of this id. `isOdd`: see {@link PlacedLeaf}. */
  set(id: number, block: number, isOdd: boolean): void {
    const change = this.#at(leafOf(id));
    change.blocks[id - leafOf(id) * LEAF_BLOCKS] = block;
    if (isOdd) change.odd++;
  }

  setZeros({ first, count }: BlockRange): void {
    for (let id = first; id < first + count; ) {
      const idx = leafOf(id);
      const end = Math.min(first + count, (idx + 1) * LEAF_BLOCKS);
      if (end - id === LEAF_BLOCKS && !this.#byLeaf.has(idx)) this.#byLeaf.set(idx, { blocks: ZEROS, odd: 0 });
      else this.#at(idx).blocks.fill(ZERO, id - idx * LEAF_BLOCKS, end - idx * LEAF_BLOCKS);
      id = end;
    }
  }

  /**
   * Writes all of them. @throws Error when a block is there already: it would be lost.
   */
  *write(db: SqlDatabase, hash: LeafHash, { map, versionUid }: VersionMap): Steps<void> {
    const numbers = [...this.#byLeaf.keys()].sort((a, b) => a - b);
    for (let i = 0; i < numbers.length; i += BATCH_LEAVES) {
      const batch = numbers.slice(i, i + BATCH_LEAVES);
      const old = yield* oldLeaves(db, hash, map, batch);
      const leaves: NewLeaf[] = [];
      for (const idx of batch) {
        const change = this.#byLeaf.get(idx);
        if (change === undefined) continue;
        const before = old.get(idx);
        if (before !== undefined && !merge(change.blocks, before.leaf))
          throw damaged(db, `leaf ${idx} of version ${versionUid} has a block that is to be added`);
        const odd = change.odd + (before?.odd ?? 0);
        leaves.push({ idx, leaf: change.blocks, n: countBlocks(change.blocks), odd });
      }
      yield* putLeaves(db, hash, map, leaves);
    }
  }

  #at(idx: number): LeafChange {
    let change = this.#byLeaf.get(idx);
    if (change === undefined) {
      change = { blocks: emptyLeaf(), odd: 0 };
      this.#byLeaf.set(idx, change);
    }
    if (change.blocks === ZEROS) change.blocks = ZEROS.slice();
    return change;
  }
}

/** Reads what a map has at these places, which ascend. */
function* oldLeaves(db: SqlDatabase, hash: LeafHash, map: number, places: readonly number[]): Steps<Map<number, PlacedLeaf>> {
  const found = new Map<number, PlacedLeaf>();
  const last = places.at(-1) ?? 0;
  const where = sql`AND ${db.dialect.among(sql`idx`, places)}`;
  for (let first = places[0] ?? 0; first <= last; ) {
    const page = yield* leafPage(db, hash, { map, first, last, where });
    for (const leaf of page) found.set(leaf.idx, leaf);
    const end = page.at(-1);
    if (end === undefined) break;
    first = end.idx + 1;
  }
  return found;
}

/** Adds the blocks of `other` to those of `leaf`. @returns false when both have a block. */
function merge(leaf: Leaf, other: Leaf): boolean {
  for (let i = 0; i < LEAF_BLOCKS; i++) {
    const block = other[i] as number;
    if (block === MISSING) continue;
    if (leaf[i] !== MISSING) return false;
    leaf[i] = block;
  }
  return true;
}
