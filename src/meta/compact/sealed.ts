import { setImmediate as nextTurn } from 'node:timers/promises';
import type { SealedBlock } from '../../model/blob.ts';
import type { Version } from '../../model/version.ts';
import type { SqlDatabase } from '../sql/database.ts';
import { type Sql, sql } from '../sql/statement.ts';
import { rowsOf } from '../sql/steps.ts';
import { asHex } from './blobs.ts';
import { toText } from './hex-bytes.ts';
import { ZERO } from './leaf.ts';
import { leafHash } from './leaf-sum.ts';
import { ALL_LEAVES, leafPage, mapOf } from './maps.ts';

/** Leaves that one statement looks through. */
const PAGE_LEAVES = 20;
/** Rows from either end that a sample looks at. */
const SAMPLE_ROWS = 16_384;
/** Rows that are read for each key of a sample. Two blobs rarely have the same one. */
const ROWS_PER_KEY = 16;
/** And places in between, and rows at each. */
const SAMPLE_PLACES = 64;
const NEAR_ROWS = 256;

const IS_SEALED = sql`enc_version <> 0 AND uid <> '' AND length(envkey) > 0`;

/** A row as a driver gives it. The key is hex. */
interface SealedRecord {
  encVersion: number;
  envkey: string;
}

/** See EncryptionStore.sealedBlocks. Reads blobs until it has found some. */
export async function sealedBlocks(db: SqlDatabase, version: Version, limit: number): Promise<SealedBlock[]> {
  const hash = await leafHash();
  const map = await db.read(() => mapOf(version.uid));
  for (let first = 0; map !== undefined; ) {
    const start = first;
    const { last, records } = await db.read(function* () {
      const page = yield* leafPage(db, hash, { map: map.map, first: start, last: ALL_LEAVES.last, most: PAGE_LEAVES });
      const ids = new Set(page.flatMap(({ leaf }) => [...leaf].filter((block) => block > ZERO)));
      const records =
        ids.size === 0
          ? []
          : yield* rowsOf<SealedRecord>(sealed(db, sql`AND ${db.dialect.among(sql`id`, [...ids])} ORDER BY id`));
      return { last: page.at(-1)?.idx, records };
    });
    if (records.length > 0) return different(records, limit);
    if (last === undefined) break;
    first = last + 1;
    await nextTurn();
  }
  return [];
}

/**
 * See EncryptionStore.sampleSealedBlocks. Looks at the newest blobs, then at the oldest, then at
 * places in between. Blobs of removed versions count until a cleanup forgets them.
 */
export async function sampleSealedBlocks(db: SqlDatabase, limit: number): Promise<SealedBlock[]> {
  const { last } = await db.queryOne<{ last: number | null }>(sql`SELECT max(id) AS last FROM backy2_blobs`);
  for (const part of [sql`AND id > ${(last ?? 0) - SAMPLE_ROWS}`, sql`AND id <= ${SAMPLE_ROWS}`]) {
    const found = await db.query<SealedRecord>(sealed(db, sql`${part} ORDER BY id LIMIT ${ROWS_PER_KEY * limit}`));
    if (found.length > 0) return different(found, limit);
  }
  const starts = Array.from({ length: SAMPLE_PLACES }, (_, i) => [Math.floor(((last ?? 0) * i) / SAMPLE_PLACES)]);
  const found = await db.queryEach<SealedRecord>(starts, (start) =>
    sealed(db, sql`AND id > ${start} AND id <= ${start} + ${NEAR_ROWS}`),
  );
  return different(found, limit);
}

function sealed(db: SqlDatabase, part: Sql): Sql {
  return sql`SELECT enc_version AS "encVersion", ${asHex(db, sql`envkey`)} FROM backy2_blobs WHERE ${IS_SEALED} ${part}`;
}

function different(records: readonly SealedRecord[], limit: number): SealedBlock[] {
  const blocks = new Map<string, SealedBlock>();
  for (const { encVersion, envkey } of records) {
    const envKey = toText(envkey) ?? '';
    if (blocks.size < limit) blocks.set(`${encVersion}:${envKey}`, { encVersion, envKey });
  }
  return [...blocks.values()];
}
