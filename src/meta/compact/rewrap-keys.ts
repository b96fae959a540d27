import { setImmediate as nextTurn } from 'node:timers/promises';
import { groupBy } from '../../model/group-by.ts';
import type { RewrapCounts, RewrapRequest } from '../encryption-store.ts';
import type { Play, SqlDatabase } from '../sql/database.ts';
import { NOTHING_REWRAPPED, newKeyOf, REWRAP_PAGE_ROWS } from '../sql/rewrap.ts';
import { sql } from '../sql/statement.ts';
import { rowOf, rowsOf, run, type Steps } from '../sql/steps.ts';
import { BlobNumbers } from './blob-numbers.ts';
import { type BlobRecord, blobColumns, blobsById } from './blobs.ts';
import { toBytes, toText } from './hex-bytes.ts';
import { LEAF_BLOCKS, MISSING, ZERO } from './leaf.ts';
import { leafHash } from './leaf-sum.ts';
import { scanPage, usesOf } from './scan.ts';

/** Decisions about a blob, by their numbers. */
const OUTCOMES = ['undecided', 'rewrapped', 'left', 'sparse', 'plain'] as const;

/**
 * See EncryptionStore.rewrapKeys. Wraps each key once, and counts blocks. Keys of blobs that no
 * block names are wrapped too: a backup may find them again.
 */
export async function rewrapKeys(db: SqlDatabase, request: RewrapRequest): Promise<RewrapCounts> {
  const hash = await leafHash();
  return db.longTransaction('judging', async (play) => {
    const counts = { ...NOTHING_REWRAPPED };
    const total = await play(countAll());
    const outcomes = new BlobNumbers();
    let done = 0;
    for (let after = 0; ; await nextTurn()) {
      const page = await play(scanPage(db, hash, after));
      const uses = groupBy(
        await play(
          usesOf(
            db,
            page.map(({ id }) => id),
          ),
        ),
        ({ leaf }) => leaf,
      );
      for (const { id, leaf } of page) {
        const places = uses.get(id) ?? [];
        const [place] = places;
        if (place === undefined) continue;
        await decide(play, db, { request, outcomes, placed: { versionUid: place.versionUid, idx: place.idx, leaf } });
        for (const block of leaf) {
          if (block === MISSING) continue;
          const outcome = block === ZERO ? 'sparse' : (OUTCOMES[outcomes.get(block)] ?? 'undecided');
          if (outcome !== 'undecided') counts[outcome] += places.length;
          done += places.length;
        }
        request.onProgress(done, total);
      }
      const end = page.at(-1);
      if (end === undefined) break;
      after = end.id;
    }
    await rewrapUnused(play, db, { request, outcomes });
    return counts;
  });
}

function* countAll(): Steps<number> {
  const { total } = yield* rowOf<{ total: number }>(
    sql`SELECT coalesce(sum(n), 0) AS total FROM backy2_map_leaves JOIN backy2_leaves ON backy2_leaves.id = leaf`,
  );
  return total;
}

interface Decision {
  request: RewrapRequest;
  outcomes: BlobNumbers;
}

/** Decides about the blobs of a leaf that were not met before. */
async function decide(
  play: Play,
  db: SqlDatabase,
  { request, outcomes, placed }: Decision & { placed: { versionUid: string; idx: number; leaf: Float64Array } },
): Promise<void> {
  const places = new Map<number, number>();
  for (const [offset, block] of placed.leaf.entries())
    if (block > ZERO && outcomes.get(block) === 0 && !places.has(block)) places.set(block, placed.idx * LEAF_BLOCKS + offset);
  const blobs = await play(blobsById(db, [...places.keys()]));
  const keys: { id: number; key: string }[] = [];
  for (const [blob, id] of places) {
    const record = blobs.get(blob);
    if (record === undefined) continue;
    const key = keyOf(record, { request, outcomes }, { versionUid: placed.versionUid, id, valid: record.valid });
    if (key !== undefined) keys.push({ id: blob, key });
  }
  await play(writeKeys(db, keys));
}

function keyOf(
  record: BlobRecord,
  { request, outcomes }: Decision,
  place: { versionUid: string; id: number; valid: number },
): string | undefined {
  const one = { ...NOTHING_REWRAPPED };
  const row = { ...place, uid: record.uid, encVersion: record.enc_version, envKey: toText(record.envkey) };
  const key = newKeyOf(row, request, one);
  outcomes.set(
    record.id,
    OUTCOMES.findIndex((outcome) => outcome !== 'undecided' && one[outcome] > 0),
  );
  return key;
}

/** A key of these that the old master key does not unwrap is left: nobody can use it. */
async function rewrapUnused(play: Play, db: SqlDatabase, decision: Decision): Promise<void> {
  for (let after = 0; ; await nextTurn()) {
    const rows = await play(
      rowsOf<BlobRecord>(
        sql`SELECT ${blobColumns(db)} FROM backy2_blobs WHERE id > ${after} ORDER BY id LIMIT ${REWRAP_PAGE_ROWS}`,
      ),
    );
    const keys = rows.flatMap((record) => {
      if (decision.outcomes.get(record.id) !== 0) return [];
      const key = keyOf(record, decision, { versionUid: '', id: -1, valid: 0 });
      return key === undefined ? [] : [{ id: record.id, key }];
    });
    await play(writeKeys(db, keys));
    const end = rows.at(-1);
    if (end === undefined) return;
    after = end.id;
  }
}

function* writeKeys({ dialect }: SqlDatabase, keys: readonly { id: number; key: string }[]): Steps<void> {
  if (keys.length === 0) return;
  const rows = keys.map(({ id, key }) => ({ id, key: toBytes(key)?.toString('hex') }));
  yield* run(
    sql`UPDATE backy2_blobs SET envkey = new.envkey
      FROM (SELECT CAST(value ->> 'id' AS BIGINT) AS id, ${dialect.fromHex(sql`(value ->> 'key')`)} AS envkey FROM ${dialect.jsonRows(rows)}) AS new
      WHERE backy2_blobs.id = new.id`,
  );
}
