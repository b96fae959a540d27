import type { BlockRow } from '../../model/block.ts';
import type { RowIds } from '../block-store.ts';
import { noteChange } from '../sql/catalogue-marks.ts';
import type { SqlDatabase } from '../sql/database.ts';
import { sql } from '../sql/statement.ts';
import { run } from '../sql/steps.ts';
import { lockVersion } from '../sql/version-steps.ts';
import { badBlobs, blobsById } from './blobs.ts';
import { addDigest, fittingBlocks, namesAny } from './checks.ts';
import { LEAF_BLOCKS, MISSING } from './leaf.ts';
import { leafHash } from './leaf-sum.ts';
import { ALL_LEAVES, blocksOfMap, eachLeaf, leafOf, leafPage, mapOf } from './maps.ts';
import { rowOfBlob } from './rows.ts';

/** Ids of stray blocks that messages name. */
const STRAY_EXAMPLES = 3;

/** See BlockStore.countBlocks. */
export function countBlocks(db: SqlDatabase, versionUid: string): Promise<number> {
  return db.read(function* () {
    const map = yield* mapOf(versionUid);
    return map === undefined ? 0 : yield* blocksOfMap(map.map);
  });
}

/** See BlockStore.checkIds. */
export async function checkIds(db: SqlDatabase, versionUid: string, size: number): Promise<RowIds> {
  const hash = await leafHash();
  return db.read(function* () {
    const map = yield* mapOf(versionUid);
    if (map === undefined) return { fitting: 0, stray: 0, examples: [] };
    const { fitting, stray } = yield* fittingBlocks(db, hash, { map: map.map, size });
    const examples: string[] = [];
    if (stray > 0) {
      const where = sql`AND (idx < 0 OR idx >= ${leafOf(size)})`;
      yield* eachLeaf(db, hash, { map: map.map, ...ALL_LEAVES, where }, ({ idx, leaf }) => {
        for (const [offset, block] of leaf.entries()) {
          const id = idx * LEAF_BLOCKS + offset;
          if (block !== MISSING && (id < 0 || id >= size) && examples.length < STRAY_EXAMPLES) examples.push(String(id));
        }
      });
    }
    return { fitting, stray, examples };
  });
}

/** See HealStore.validateWhole. */
export async function validateWhole(db: SqlDatabase, versionUids: readonly string[]): Promise<string[]> {
  const hash = await leafHash();
  const validated: string[] = [];
  for (const uid of versionUids) {
    const isValidated = await db.transaction(function* () {
      yield* lockVersion(db, uid);
      const map = yield* mapOf(uid);
      if (map === undefined) return false;
      const { fitting, stray } = yield* fittingBlocks(db, hash, map);
      if (fitting !== map.size || stray > 0 || (yield* namesAny(db, hash, map, yield* badBlobs()))) return false;
      const changes = yield* run(
        sql`UPDATE versions SET valid = 1 WHERE uid = ${uid} AND valid = 0
          AND NOT EXISTS (SELECT 1 FROM backy2_progress WHERE version_uid = versions.uid)
          AND NOT EXISTS (SELECT 1 FROM backy2_migrations WHERE version_uid = versions.uid)`,
      );
      if (changes > 0) {
        yield* addDigest(hash, map);
        yield* noteChange(uid);
      }
      return changes > 0;
    });
    if (isValidated) validated.push(uid);
  }
  return validated;
}

/** See HealStore.badBlockPage. */
export async function badBlockPage(db: SqlDatabase, versionUid: string, afterId: number, limit: number): Promise<BlockRow[]> {
  const hash = await leafHash();
  return db.read(function* () {
    const rows: BlockRow[] = [];
    const map = yield* mapOf(versionUid);
    const bad = yield* blobsById(db, [...(yield* badBlobs())]);
    if (map === undefined || bad.size === 0) return rows;
    for (let first = leafOf(afterId + 1); rows.length < limit; ) {
      const page = yield* leafPage(db, hash, { map: map.map, first, last: ALL_LEAVES.last });
      for (const { idx, leaf } of page)
        for (let offset = 0, id = idx * LEAF_BLOCKS; offset < LEAF_BLOCKS; offset++, id++) {
          const blob = bad.get(leaf[offset] as number);
          if (blob === undefined || blob.valid !== 0 || id <= afterId || rows.length >= limit) continue;
          const row = rowOfBlob(id, blob);
          if (row.uid !== null) rows.push(row);
        }
      const end = page.at(-1);
      if (end === undefined) break;
      first = end.idx + 1;
    }
    return rows;
  });
}
