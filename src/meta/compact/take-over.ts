import type { BlockRange } from '../../model/block-range.ts';
import { blockCount, blockLength, type Geometry } from '../../model/geometry.ts';
import type { TakeOverRequest, TakeOverResult } from '../backup-store.ts';
import { NOTHING_COPIED } from '../sql/copied-rows.ts';
import type { SqlDatabase } from '../sql/database.ts';
import { sql } from '../sql/statement.ts';
import { rowsOf, run, type Steps } from '../sql/steps.ts';
import { countersUpsert } from '../sql/version-steps.ts';
import { type BlobRecord, badBlobs, blobsOfOdd } from './blobs.ts';
import { Changes } from './changes.ts';
import { isAltered } from './checks.ts';
import { mapFor } from './commit.ts';
import { damaged } from './damage.ts';
import { LEAF_BLOCKS, MISSING, ZERO } from './leaf.ts';
import { leafHash } from './leaf-sum.ts';
import { leafOf, leafPage, mapOf, type VersionMap, zeroLength } from './maps.ts';
import type { PlacedLeaf } from './placed-leaf.ts';

/**
 * See BackupStore.takeOver. One transaction: a leaf that is taken over completely becomes one more
 * reference, others are copied with holes. About 10 µs for each leaf of the base.
 */
export async function takeOver(db: SqlDatabase, request: TakeOverRequest): Promise<TakeOverResult> {
  const { baseUid, versionUid, geometry } = request;
  const hash = await leafHash();
  const ranges = request.ranges.filter(({ count }) => count > 0).sort((a, b) => a.first - b.first);
  const copied = await db.transaction(function* () {
    const map = yield* mapFor(versionUid, geometry);
    const base = yield* mapOf(baseUid);
    const sum = { ...NOTHING_COPIED };
    const end = ranges.at(-1);
    if (base !== undefined && end !== undefined) {
      if (yield* isAltered(hash, base)) throw damaged(db, `version ${baseUid} has other leaves than it was finished with`);
      const picker = new Picker(base, geometry, yield* badBlobs(), ranges);
      const filled = yield* filledLeaves(map.map);
      // Otherwise other blocks are odd.
      const canShare = base.blockSize === map.blockSize;
      const last = leafOf(end.first + end.count - 1);
      for (let first = leafOf(ranges[0]?.first ?? 0); first <= last; ) {
        const page = yield* leafPage(db, hash, { map: base.map, first, last });
        const whole: PlacedLeaf[] = [];
        const changes = new Changes();
        for (const leaf of page) {
          const picked = yield* picker.pick(db, leaf, sum);
          if (canShare && picked.count === leaf.n && !filled.has(leaf.idx)) whole.push(leaf);
          else picked.addTo(changes);
        }
        yield* addReferences(db, map.map, whole);
        yield* changes.write(db, hash, map);
        const end = page.at(-1);
        if (end === undefined) break;
        first = end.idx + 1;
      }
    }
    if (sum.blocks > 0) yield* run(countersUpsert(versionUid, request.counters(sum)));
    return sum;
  }, 'naming');
  if (copied.blocks > 0) request.onCopied(copied);
  return copied;
}

/** Places of a map that have a leaf: a version that is continued has some. */
function* filledLeaves(map: number): Steps<Set<number>> {
  const rows = yield* rowsOf<{ idx: number }>(sql`SELECT idx FROM backy2_map_leaves WHERE map = ${map}`);
  return new Set(rows.map(({ idx }) => idx));
}

function* addReferences({ dialect }: SqlDatabase, map: number, leaves: readonly PlacedLeaf[]): Steps<void> {
  yield* dialect.insertRows(sql`backy2_map_leaves`, [
    { name: sql`map`, type: 'number', values: leaves.map(() => map) },
    { name: sql`idx`, type: 'number', values: leaves.map(({ idx }) => idx) },
    { name: sql`leaf`, type: 'number', values: leaves.map(({ id }) => id) },
  ]);
}

/** The blocks of a leaf that are taken over. */
interface Picked {
  count: number;
  addTo(changes: Changes): void;
}

/** Chooses blocks of the base: those in the ranges that are valid and of the right length. */
class Picker {
  readonly #base: VersionMap;
  readonly #geometry: Geometry;
  readonly #bad: ReadonlySet<number>;
  readonly #ranges: readonly BlockRange[];
  readonly #lastId: number;
  /** The first range that does not end before the leaf at hand. */
  #at = 0;

  constructor(base: VersionMap, geometry: Geometry, bad: ReadonlySet<number>, ranges: readonly BlockRange[]) {
    this.#base = base;
    this.#geometry = geometry;
    this.#bad = bad;
    this.#ranges = ranges;
    this.#lastId = blockCount(geometry) - 1;
  }

  /** Leaves MUST come in their order. Adds what is picked to `sum`. */
  *pick(db: SqlDatabase, placed: PlacedLeaf, sum: TakeOverResult): Steps<Picked> {
    const { idx } = placed;
    if (placed.odd === 0 && this.#isPlain(idx)) return this.#pickWhole(placed, sum);
    const { leaf } = placed;
    const blobs = yield* blobsOfOdd(db, placed);
    const start = idx * LEAF_BLOCKS;
    const offsets: number[] = [];
    for (const { first, past } of this.#stretches(start)) {
      for (let offset = first - start; offset < past - start; offset++) {
        const block = leaf[offset] as number;
        if (block === MISSING || this.#bad.has(block)) continue;
        const id = start + offset;
        const blob = blobs?.get(block);
        const size = this.#sizeOf(id, block, blob);
        if (id < 0 || id > this.#lastId || size !== blockLength(this.#geometry, id)) continue;
        offsets.push(offset);
        sum.blocks++;
        sum.bytes += size;
        if (block !== ZERO && !(blobs !== undefined && hasNoUid(blob))) continue;
        sum.sparseBlocks++;
        sum.sparseBytes += size;
      }
    }
    return {
      count: offsets.length,
      addTo: (changes) => {
        for (const offset of offsets) {
          const block = leaf[offset] as number;
          const blob = blobs?.get(block);
          const size = this.#sizeOf(start + offset, block, blob);
          changes.set(start + offset, block, block !== ZERO && (hasNoUid(blob) || size !== this.#geometry.blockSize));
        }
      },
    };
  }

  /**
   * Whether a range has the whole leaf, no block of which is bad, missing in the image or the last
   * one: then all blocks have the block size.
   */
  #isPlain(idx: number): boolean {
    const start = idx * LEAF_BLOCKS;
    const past = start + LEAF_BLOCKS;
    const [stretch] = this.#stretches(start);
    if (stretch?.first !== start || stretch.past !== past || this.#bad.size > 0) return false;
    return start >= 0 && past <= this.#lastId && past < this.#base.size && this.#base.blockSize === this.#geometry.blockSize;
  }

  /** Without a look at its blocks. */
  #pickWhole(placed: PlacedLeaf, sum: TakeOverResult): Picked {
    const { idx, n, zeros } = placed;
    sum.blocks += n;
    sum.bytes += n * this.#geometry.blockSize;
    sum.sparseBlocks += zeros;
    sum.sparseBytes += zeros * this.#geometry.blockSize;
    return {
      count: n,
      addTo: (changes) => {
        for (const [offset, block] of placed.leaf.entries())
          if (block !== MISSING) changes.set(idx * LEAF_BLOCKS + offset, block, false);
      },
    };
  }

  #sizeOf(id: number, block: number, blob: BlobRecord | undefined): number | null | undefined {
    if (block === ZERO) return zeroLength(this.#base, id);
    return blob === undefined ? this.#base.blockSize : blob.size;
  }

  /** The parts of the ranges in the leaf that begins with block `start`. */
  *#stretches(start: number): Generator<{ first: number; past: number }> {
    const isBefore = (range: BlockRange | undefined) => range !== undefined && range.first + range.count <= start;
    while (isBefore(this.#ranges[this.#at])) this.#at++;
    for (let i = this.#at; i < this.#ranges.length; i++) {
      const { first, count } = this.#ranges[i] as BlockRange;
      if (first >= start + LEAF_BLOCKS) return;
      yield { first: Math.max(first, start), past: Math.min(first + count, start + LEAF_BLOCKS) };
    }
  }
}

function hasNoUid(blob: BlobRecord | undefined): boolean {
  return blob !== undefined && (blob.uid === null || blob.uid === '');
}
