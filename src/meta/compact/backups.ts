import type { BlockRange } from '../../model/block-range.ts';
import type { BackupCounters } from '../../model/counters.ts';
import { blockCount, blockLength, type Geometry } from '../../model/geometry.ts';
import type { NewVersion, Version } from '../../model/version.ts';
import { insertVersion, markFinished, refuseIncomplete } from '../sql/backup-steps.ts';
import { ChangedLeaves } from '../sql/catalogue-marks.ts';
import type { SqlDatabase } from '../sql/database.ts';
import { sql } from '../sql/statement.ts';
import { statementBuilder } from '../sql/statement-builder.ts';
import { countersOfRows } from '../sql/stats-rows.ts';
import { run, type Steps } from '../sql/steps.ts';
import { lockVersion } from '../sql/version-steps.ts';
import { addCandidates, badBlobs, blobsOfOdd } from './blobs.ts';
import { digestMap, fittingBlocks, forgetDigest, namesAny } from './checks.ts';
import { emptyLeaf, LEAF_BLOCKS, MISSING, ZERO } from './leaf.ts';
import { leafHash } from './leaf-sum.ts';
import { ALL_LEAVES, eachLeaf, insertMap, isOdd, leafOf, mapOf, zeroLength } from './maps.ts';
import { putLeaves } from './put-leaves.ts';

/** The uid of a blob that is not odd: any one. */
const ANY_UID = 'x';

/** See BackupStore.createVersion. */
export async function createVersion(db: SqlDatabase, version: NewVersion): Promise<void> {
  const build = await statementBuilder();
  await db.transaction(function* () {
    yield* insertVersion(build, version, db.now());
    yield* insertMap(db, version.uid);
  });
}

/** See BackupStore.presentBlocks. */
export async function presentBlocks(db: SqlDatabase, versionUid: string, { first, count }: BlockRange): Promise<BlockRange[]> {
  const hash = await leafHash();
  const present: BlockRange[] = [];
  const add = (id: number, blocks: number) => {
    const end = present.at(-1);
    if (end !== undefined && end.first + end.count === id) end.count += blocks;
    else present.push({ first: id, count: blocks });
  };
  await db.read(function* () {
    present.length = 0;
    const map = yield* mapOf(versionUid);
    if (map === undefined || count === 0) return;
    yield* eachLeaf(db, hash, { map: map.map, first: leafOf(first), last: leafOf(first + count - 1) }, (placed) => {
      const start = placed.idx * LEAF_BLOCKS;
      const [from, past] = [Math.max(first - start, 0), Math.min(first + count - start, LEAF_BLOCKS)];
      if (placed.n === LEAF_BLOCKS) add(start + from, past - from);
      else for (let offset = from; offset < past; offset++) if (placed.leaf[offset] !== MISSING) add(start + offset, 1);
    });
  });
  return present;
}

/** See BackupStore.discardBadBlocks. Afterwards, the map has this block size. */
export async function discardBadBlocks(db: SqlDatabase, versionUid: string, geometry: Geometry): Promise<number> {
  const hash = await leafHash();
  return db.transaction(function* () {
    yield* lockVersion(db, versionUid);
    const map = yield* mapOf(versionUid);
    if (map === undefined) return 0;
    const changed = new ChangedLeaves();
    const bad = yield* badBlobs();
    const resized = { ...map, blockSize: geometry.blockSize };
    const going: number[] = [];
    let discarded = 0;
    yield* forgetDigest(map);
    yield* eachLeaf(db, hash, { map: map.map, ...ALL_LEAVES }, function* ({ idx, leaf, ...old }) {
      const blobs = yield* blobsOfOdd(db, { leaf, odd: old.odd });
      const kept = emptyLeaf();
      let [n, odd] = [0, 0];
      for (const [offset, block] of leaf.entries()) {
        const id = idx * LEAF_BLOCKS + offset;
        if (block === MISSING) continue;
        const { uid, size } = blobs?.get(block) ?? { uid: ANY_UID, size: block === ZERO ? zeroLength(map, id) : map.blockSize };
        const fits = id >= 0 && id < blockCount(geometry) && size === blockLength(geometry, id);
        if (fits && !bad.has(block)) {
          kept[offset] = block;
          n++;
          if (block !== ZERO && isOdd(resized, { uid, size })) odd++;
        } else {
          discarded++;
          changed.add(versionUid, id);
          if (block !== ZERO) going.push(block);
        }
      }
      if (n !== old.n || odd !== old.odd) yield* putLeaves(db, hash, map.map, [{ idx, leaf: kept, n, odd }]);
    });
    yield* run(sql`UPDATE backy2_maps SET block_size = ${geometry.blockSize} WHERE id = ${map.map}`);
    yield* addCandidates(db, going);
    yield* changed.note(db);
    return discarded;
  }, 'judging');
}

/** See BackupStore.countersFromRows. */
export async function countersFromRows(db: SqlDatabase, versionUid: string): Promise<BackupCounters> {
  const hash = await leafHash();
  return db.read(function* () {
    const sums = { blocks: 0, bytes: 0, sparseBlocks: 0, sparseBytes: 0 };
    const map = yield* mapOf(versionUid);
    if (map === undefined) return countersOfRows(sums);
    yield* eachLeaf(db, hash, { map: map.map, ...ALL_LEAVES }, function* (placed): Steps<void> {
      const blobs = yield* blobsOfOdd(db, placed);
      for (const [offset, block] of placed.leaf.entries()) {
        if (block === MISSING) continue;
        const blob = blobs?.get(block);
        const isSparse = block === ZERO || (blob !== undefined && blob.uid === null);
        const size = block === ZERO ? zeroLength(map, placed.idx * LEAF_BLOCKS + offset) : (blob?.size ?? map.blockSize);
        sums[isSparse ? 'sparseBlocks' : 'blocks']++;
        sums[isSparse ? 'sparseBytes' : 'bytes'] += size ?? 0;
      }
    });
    return countersOfRows(sums);
  });
}

/** See BackupStore.finishBackup. Reads the leaves only if some blobs are known to be bad. */
export async function finishBackup(db: SqlDatabase, version: Version, counters?: BackupCounters, date?: Date): Promise<boolean> {
  const build = await statementBuilder();
  const hash = await leafHash();
  return db.transaction(function* () {
    yield* lockVersion(db, version.uid);
    const map = yield* mapOf(version.uid);
    refuseIncomplete(version, map === undefined ? 0 : (yield* fittingBlocks(db, hash, map)).fitting);
    if (map !== undefined) {
      if (yield* namesAny(db, hash, map, yield* badBlobs())) return false;
      yield* digestMap(hash, map);
    }
    yield* markFinished(db, build, { version, counters, date });
    return true;
  });
}
