import type { NamedBlob, SampleRequest } from '../identity-store.ts';
import { randomIds, randomUids } from '../sql/sample-starts.ts';
import { sql } from '../sql/sql-text.ts';
import type { PostgresConnection } from './connection.ts';
import { arrayOf } from './literals.ts';

/** As in SQLite (`../sqlite/store-identity.ts`). */
const NEAR_ROWS = 256;
const FIRST_ROWS = 100_000;

/** See IdentityStore.storeId. Does not make our tables, which a host that only reads may not. */
export async function storeId(connection: PostgresConnection): Promise<string | undefined> {
  const { there } = await connection.queryOne<{ there: boolean }>("SELECT to_regclass('backy2_store') IS NOT NULL AS there");
  if (!there) return undefined;
  const [row] = await connection.query<{ id: string }>('SELECT id FROM backy2_store');
  return row?.id;
}

/** See IdentityStore.keepStoreId. */
export async function keepStoreId(connection: PostgresConnection, id: string): Promise<string> {
  return connection.write(async (session) => {
    await session.run('INSERT INTO backy2_store (slot, id) VALUES (1, $1) ON CONFLICT (slot) DO NOTHING', [id]);
    return (await session.queryOne<{ id: string }>('SELECT id FROM backy2_store')).id;
  });
}

/** See IdentityStore.namesBlobs. */
export async function namesBlobs(connection: PostgresConnection): Promise<boolean> {
  return (await connection.query("SELECT 1 AS one FROM blocks WHERE uid > '' LIMIT 1")).length > 0;
}

/** See IdentityStore.sampleBlobs. */
export async function sampleBlobs(connection: PostgresConnection, order: SampleRequest): Promise<NamedBlob[]> {
  const blobs = new Map<string, NamedBlob>();
  const add = (rows: readonly NamedBlob[]) => {
    for (const row of rows) if (blobs.size < order.limit) blobs.set(row.uid, row);
  };
  add(await fromRandomPoints(connection, order));
  if (blobs.size < order.limit) add(await fromTheStart(connection, order));
  return [...blobs.values()];
}

async function fromRandomPoints(
  connection: PostgresConnection,
  { limit, versionUid, alsoInvalid, random }: SampleRequest,
): Promise<NamedBlob[]> {
  const least = alsoInvalid === true ? 0 : 1;
  if (versionUid === undefined) {
    return connection.query<NamedBlob>(
      `SELECT row.uid, row.checksum FROM unnest($1::text[]) AS start(uid) CROSS JOIN LATERAL (
         SELECT near.uid, near.checksum FROM (
           SELECT uid, checksum, valid FROM blocks WHERE uid > start.uid ORDER BY uid LIMIT ${NEAR_ROWS}) AS near
         WHERE valid >= $2 LIMIT 1) AS row`,
      [arrayOf(randomUids(limit, random)), least],
    );
  }
  const { size } = await connection.queryOne<{ size: number }>(
    'SELECT coalesce(max(id), -1) + 1 AS size FROM blocks WHERE version_uid = $1',
    [versionUid],
  );
  return connection.query<NamedBlob>(
    `SELECT row.uid, row.checksum FROM unnest($2::int[]) AS start(id) CROSS JOIN LATERAL (
       SELECT near.uid, near.checksum FROM (
         SELECT uid, checksum, valid FROM blocks WHERE version_uid = $1 AND id >= start.id ORDER BY id LIMIT ${NEAR_ROWS}) AS near
       WHERE valid >= $3 AND uid > '' LIMIT 1) AS row`,
    [versionUid, arrayOf(randomIds(limit, size, random)), least],
  );
}

function fromTheStart(connection: PostgresConnection, { limit, versionUid, alsoInvalid }: SampleRequest): Promise<NamedBlob[]> {
  const least = alsoInvalid === true ? 0 : 1;
  const [first, values] =
    versionUid === undefined
      ? [sql`WHERE uid > '' ORDER BY uid`, [limit, least]]
      : [sql`WHERE version_uid = $3 ORDER BY id`, [limit, least, versionUid]];
  return connection.query<NamedBlob>(
    sql`SELECT DISTINCT uid, checksum FROM (SELECT uid, checksum, valid FROM blocks ${first} LIMIT ${FIRST_ROWS}) AS first
      WHERE valid >= $2 AND uid > '' LIMIT $1`,
    values,
  );
}
