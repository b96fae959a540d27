import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DiskUsage } from '../../model/reports.ts';
import type { SqlDatabase } from '../sql/database.ts';
import { sql } from '../sql/statement.ts';
import { rowsOf } from '../sql/steps.ts';
import { BlobRanks } from './blob-ranks.ts';
import { MOST_IDS } from './blob-set.ts';
import { BlobUses, type UsesOfBlob } from './blob-uses.ts';
import { blobsById, lastBlob } from './blobs.ts';
import { LEAF_BLOCKS, MISSING, ZERO } from './leaf.ts';
import { type LeafHash, leafHash } from './leaf-sum.ts';
import { ALL_LEAVES, leafPage, mapOf, zeroLength } from './maps.ts';
import { scanPage } from './scan.ts';
import { twins } from './unused.ts';

/** Blobs whose uses are counted at a time: 96 MiB of memory, and 40 MiB for their numbers. */
export const MOST_BLOBS = 2 ** 23;

/** How to count. */
interface Counting {
  db: SqlDatabase;
  hash: LeafHash;
  /** Rows of blobs that count as another one. */
  twin: ReadonlyMap<number, number>;
}

/**
 * See ReportStore.diskUsage. Reads the leaves of the versions twice, and in between all leaves, to
 * count the uses of the blobs that the versions have: about 10 µs for each leaf. For each further
 * 8 million such blobs, it reads all leaves and those of the versions once more.
 */
export async function diskUsage(
  db: SqlDatabase,
  versionUids: readonly string[],
  onVersion: (uid: string) => void,
  mostBlobs = MOST_BLOBS,
): Promise<DiskUsage[]> {
  const usages = versionUids.map(() => ({
    ...{ real: 0, sparse: 0, dedupOthers: 0, dedupOwn: 0, individual: 0, estimated: 0, freed: 0 },
  }));
  if (versionUids.length === 0) return usages;
  const counting: Counting = { db, hash: await leafHash(), twin: await db.read(() => twins(db)) };
  const last = await lastBlob(db);
  const eachVersion = async (body: (usage: DiskUsage, uid: string) => Promise<void>) => {
    for (const [i, uid] of versionUids.entries()) {
      await nextTurn();
      onVersion(uid);
      await body(usages[i] as DiskUsage, uid);
    }
  };
  // Once at least: versions without a blob have zero blocks.
  for (let first = 1; first === 1 || first <= last; first += MOST_IDS) {
    const ranks = new BlobRanks(first, Math.min(last, first + MOST_IDS - 1));
    await eachVersion(async (usage, uid) => {
      await readVersion(counting, uid, {
        onSparse: (bytes) => {
          if (first === 1) usage.sparse += bytes;
        },
        onBlob: (blob) => ranks.add(blob),
      });
    });
    ranks.number();
    for (let from = 0; from < ranks.count; from += mostBlobs) {
      const uses = new BlobUses(ranks, from, Math.min(mostBlobs, ranks.count - from));
      await countUses(counting, uses);
      await eachVersion(async (usage, uid) => {
        const blockSize = await readVersion(counting, uid, {
          onSparse: () => {},
          onBlob: (blob, size) => uses.addOwn(blob, size),
        });
        for (const blob of uses.take(blockSize)) addBlob(usage, blob);
      });
    }
  }
  return usages;
}

async function countUses({ db, hash, twin }: Counting, uses: BlobUses): Promise<void> {
  for (let after = 0; ; ) {
    const start = after;
    const { page, refs } = await db.read(function* () {
      const page = yield* scanPage(db, hash, start);
      const leaves = page.map(({ id }) => id);
      const rows = yield* rowsOf<{ leaf: number; refs: number }>(
        sql`SELECT leaf, count(*) AS refs FROM backy2_map_leaves WHERE ${db.dialect.among(sql`leaf`, leaves)} GROUP BY leaf`,
      );
      return { page, refs: new Map(rows.map((row) => [row.leaf, row.refs])) };
    });
    for (const { id, leaf } of page) {
      const times = refs.get(id) ?? 0;
      for (let i = 0; i < LEAF_BLOCKS; i++) {
        const block = leaf[i] as number;
        if (block > ZERO) uses.add(twin.get(block) ?? block, times);
      }
    }
    const end = page.at(-1);
    if (end === undefined) return;
    after = end.id;
    await nextTurn();
  }
}

/** Gets the blocks of a version. */
interface BlockVisitor {
  onSparse(bytes: number): void;
  /** @param size undefined: the block size. */
  onBlob(blob: number, size: number | undefined): void;
}

/** @returns the block size. */
async function readVersion({ db, hash, twin }: Counting, uid: string, visitor: BlockVisitor): Promise<number> {
  const map = await db.read(() => mapOf(uid));
  if (map === undefined) return 0;
  for (let { first } = ALL_LEAVES; ; ) {
    const start = first;
    const { page, odd } = await db.read(function* () {
      const page = yield* leafPage(db, hash, { map: map.map, first: start, last: ALL_LEAVES.last });
      const ids = page.filter((leaf) => leaf.odd > 0).flatMap(({ leaf }) => [...leaf].filter((block) => block > ZERO));
      return { page, odd: yield* blobsById(db, ids) };
    });
    for (const { idx, leaf } of page) {
      for (let i = 0; i < LEAF_BLOCKS; i++) {
        const block = leaf[i] as number;
        if (block === MISSING) continue;
        const blob = odd.get(block);
        if (block === ZERO) visitor.onSparse(zeroLength(map, idx * LEAF_BLOCKS + i) ?? 0);
        else if (blob !== undefined && !blob.uid) visitor.onSparse(blob.size ?? 0);
        else {
          const isOdd = blob !== undefined && blob.size !== map.blockSize;
          visitor.onBlob(twin.get(block) ?? block, isOdd ? (blob.size ?? 0) : undefined);
        }
      }
    }
    const end = page.at(-1);
    if (end === undefined) return map.blockSize ?? 0;
    first = end.idx + 1;
    await nextTurn();
  }
}

function addBlob(usage: DiskUsage, { own, uses, size }: UsesOfBlob): void {
  usage.real += own * size;
  if (uses > own) usage.dedupOthers += own * size;
  else {
    usage.dedupOwn += (own - 1) * size;
    usage.freed += size;
  }
  if (uses === 1) usage.individual += size;
  usage.estimated += size / uses;
}
