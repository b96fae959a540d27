import type { NamedBlob, SampleRequest } from '../identity-store.ts';
import { randomIds, randomUids } from '../sql/sample-starts.ts';
import type { SqliteConnection } from './connection.ts';

/** Rows that are looked through from a random point on for one that is valid and has a blob. */
const NEAR_ROWS = 256;
/** And from a version's first row on, where random points found too few. */
const FIRST_ROWS = 100_000;

/**
 * See IdentityStore.storeId. Reads past {@link SqliteConnection.write}, which would make our
 * tables.
 */
export function storeId(connection: SqliteConnection): string | undefined {
  const table = connection.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'backy2_store'").get();
  return table === undefined ? undefined : keptId(connection);
}

/** See IdentityStore.keepStoreId. */
export function keepStoreId(connection: SqliteConnection, id: string): Promise<string> {
  return connection.write(() => {
    connection.prepare('INSERT OR IGNORE INTO backy2_store (slot, id) VALUES (1, ?)').run(id);
    return keptId(connection) ?? id;
  });
}

function keptId(connection: SqliteConnection): string | undefined {
  return (connection.prepare('SELECT id FROM backy2_store').get() as { id: string } | undefined)?.id;
}

/** See IdentityStore.namesBlobs. */
export function namesBlobs(connection: SqliteConnection): boolean {
  return connection.prepare("SELECT 1 FROM blocks WHERE uid > '' LIMIT 1").get() !== undefined;
}

/** See IdentityStore.sampleBlobs. */
export function sampleBlobs(connection: SqliteConnection, { versionUid, ...order }: SampleRequest): NamedBlob[] {
  return versionUid === undefined ? sampleAll(connection, order) : sampleVersion(connection, { ...order, versionUid });
}

function sampleAll(connection: SqliteConnection, { limit, alsoInvalid, random }: SampleRequest): NamedBlob[] {
  const least = leastValid(alsoInvalid);
  const near = connection.prepare(
    `SELECT uid, checksum FROM (SELECT uid, checksum, valid FROM blocks WHERE uid > ? ORDER BY uid LIMIT ${NEAR_ROWS}) WHERE valid >= ? LIMIT 1`,
  );
  const next = connection.prepare('SELECT uid, checksum, valid FROM blocks WHERE uid > ? ORDER BY uid LIMIT 1');
  const sample = new Sample(limit);
  for (const start of randomUids(limit, random)) sample.add(near.get(start, least) as NamedBlob | undefined);
  if (sample.isFull) return sample.blobs;
  for (let after = '', looked = 0; !sample.isFull && looked < NEAR_ROWS; looked++) {
    const row = next.get(after) as (NamedBlob & { valid: number }) | undefined;
    if (row === undefined) break;
    if (row.valid >= least) sample.add(row);
    after = row.uid;
  }
  return sample.blobs;
}

function sampleVersion(
  connection: SqliteConnection,
  { versionUid, limit, alsoInvalid, random }: SampleRequest & { versionUid: string },
): NamedBlob[] {
  const least = leastValid(alsoInvalid);
  const last = connection.prepare('SELECT max(id) AS id FROM blocks WHERE version_uid = ?').get(versionUid) as {
    id: number | null;
  };
  const from = connection.prepare(
    `SELECT uid, checksum FROM (SELECT uid, checksum, valid FROM blocks WHERE version_uid = ? AND id >= ? ORDER BY id LIMIT ?)
     WHERE valid >= ? AND uid > '' LIMIT ?`,
  );
  const sample = new Sample(limit);
  for (const id of randomIds(limit, (last.id ?? -1) + 1, random)) {
    sample.add(from.get(versionUid, id, NEAR_ROWS, least, 1) as NamedBlob | undefined);
  }
  if (sample.isFull) return sample.blobs;
  // A blob may have many rows in a version.
  for (const row of from.all(versionUid, 0, FIRST_ROWS, least, 16 * limit) as NamedBlob[]) sample.add(row);
  return sample.blobs;
}

/** The least `valid` of rows that count. */
function leastValid(alsoInvalid: boolean | undefined): 0 | 1 {
  return alsoInvalid === true ? 0 : 1;
}

/** Different blobs, up to a limit. */
class Sample {
  readonly #limit: number;
  readonly #blobs = new Map<string, NamedBlob>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get isFull(): boolean {
    return this.#blobs.size >= this.#limit;
  }

  get blobs(): NamedBlob[] {
    return [...this.#blobs.values()];
  }

  add(row: NamedBlob | undefined): void {
    if (row !== undefined && !this.isFull) this.#blobs.set(row.uid, { uid: row.uid, checksum: row.checksum });
  }
}
