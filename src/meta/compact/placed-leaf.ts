import type { SqlDatabase } from '../sql/database.ts';
import { damaged } from './damage.ts';
import { blockAt, countsOf, decodeLeaf, type Leaf } from './leaf.ts';
import type { LeafHash } from './leaf-sum.ts';

/** A leaf as a driver gives it. */
export interface LeafRecord {
  idx: number;
  id: number;
  n: number;
  odd: number;
  sum: Buffer;
  data: Buffer;
}

/** A leaf at its place. Its blocks are decoded when they are first asked for. */
export class PlacedLeaf {
  readonly idx: number;
  readonly id: number;
  /** Blocks that it has. */
  readonly n: number;
  /** Blobs without a uid, or whose size is not the block size. */
  readonly odd: number;
  /** Blocks that are zero, without those of odd blobs. */
  readonly zeros: number;
  readonly #db: SqlDatabase;
  readonly #data: Buffer;
  #leaf: Leaf | undefined;

  /** @throws BackyError `database` when its bytes or `n` are not those that were written. */
  constructor(db: SqlDatabase, hash: LeafHash, { idx, id, n, odd, sum, data }: LeafRecord) {
    checkSum(db, hash, { id, sum, data });
    const { blocks, zeros } = unlessDamaged(db, id, () => countsOf(data));
    // It decides whether versions are complete.
    if (blocks !== n) throw damaged(db, `leaf ${id} of table backy2_leaves has a wrong count`);
    this.idx = idx;
    this.id = id;
    this.n = n;
    this.odd = odd;
    this.zeros = zeros;
    this.#db = db;
    this.#data = data;
  }

  get leaf(): Leaf {
    this.#leaf ??= unlessDamaged(this.#db, this.id, () => decodeLeaf(this.#data));
    return this.#leaf;
  }

  /** One of its blocks. Does not decode the others. */
  blockAt(offset: number): number {
    return this.#leaf === undefined ? blockAt(this.#data, offset) : (this.#leaf[offset] as number);
  }
}

/** Decodes a leaf. @throws BackyError `database` when its bytes are not those that were written. */
export function checkedLeaf(db: SqlDatabase, hash: LeafHash, record: Pick<LeafRecord, 'id' | 'sum' | 'data'>): Leaf {
  checkSum(db, hash, record);
  return unlessDamaged(db, record.id, () => decodeLeaf(record.data));
}

function checkSum(db: SqlDatabase, hash: LeafHash, { id, sum, data }: Pick<LeafRecord, 'id' | 'sum' | 'data'>): void {
  if (!hash(data).equals(sum)) throw damaged(db, `leaf ${id} of table backy2_leaves has another checksum`);
}

function unlessDamaged<T>(db: SqlDatabase, id: number, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw damaged(db, `leaf ${id} of table backy2_leaves is ${(error as Error).message}`);
  }
}
