import type Database from 'better-sqlite3';
import { toText } from '../../../src/meta/compact/hex-bytes.ts';
import { decodeLeaf, LEAF_BLOCKS, MISSING, ZERO } from '../../../src/meta/compact/leaf.ts';

/** Columns of table blocks in the classic layout. */
const COLUMNS = ['uid', 'version_uid', 'id', 'date', 'checksum', 'size', 'valid', 'enc_version', 'enc_envkey', 'enc_nonce'];

interface LeafRow {
  version: string;
  date: string;
  size: number;
  bytes: number;
  block_size: number;
  idx: number;
  data: Buffer;
}

interface BlobRow {
  uid: string | null;
  checksum: Buffer | null;
  size: number | null;
  valid: number;
  enc_version: number;
  envkey: Buffer | null;
  nonce: Buffer | null;
}

/**
 * Shows a database of the compact layout to this connection as a classic one: tests look into both
 * with the same queries. Only the time of candidates can be changed.
 */
export function showAsClassic(db: Database.Database, open: () => Database.Database): void {
  const isCompact = db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'backy2_map_leaves'").get() !== undefined;
  if (!isCompact) return;
  db.table('blocks', {
    columns: COLUMNS,
    *rows() {
      const other = open();
      try {
        yield* blocksOf(other);
      } finally {
        other.close();
      }
    },
  });
  db.exec(
    `CREATE TEMP VIEW deleted_blocks AS SELECT blob AS id, uid, size, 0 AS delete_candidate, time
       FROM main.backy2_candidates JOIN main.backy2_blobs ON backy2_blobs.id = blob;
     CREATE TEMP TRIGGER age_candidates INSTEAD OF UPDATE OF time ON deleted_blocks
       BEGIN UPDATE backy2_candidates SET time = new.time WHERE blob = old.id; END`,
  );
}

function blocksOf(db: Database.Database): unknown[][] {
  const blob = db.prepare('SELECT * FROM backy2_blobs WHERE id = ?');
  const leaves = db
    .prepare(
      `SELECT version_uid AS version, date, size, size_bytes AS bytes, block_size, idx, data FROM backy2_map_leaves
       JOIN backy2_maps ON backy2_maps.id = map JOIN versions ON versions.uid = version_uid
       JOIN backy2_leaves ON backy2_leaves.id = leaf ORDER BY map, idx`,
    )
    .all() as LeafRow[];
  const rows: unknown[][] = [];
  for (const { version, date, size, bytes, block_size, idx, data } of leaves) {
    for (const [offset, block] of decodeLeaf(data).entries()) {
      const id = idx * LEAF_BLOCKS + offset;
      if (block === MISSING) continue;
      const length = id === size - 1 ? bytes - id * block_size : block_size;
      if (block === ZERO) rows.push(asInteger([null, version, id, date, null, length, 1, 0, null, null]));
      else {
        const row = blob.get(block) as BlobRow;
        const { uid, checksum, valid, enc_version, envkey, nonce } = row;
        rows.push(
          asInteger([uid, version, id, date, hexText(checksum), row.size, valid, enc_version, hexText(envkey), hexText(nonce)]),
        );
      }
    }
  }
  return rows;
}

function hexText(bytes: Buffer | null): string | null {
  return toText(bytes?.toString('hex') ?? null);
}

/** Numbers of a virtual table are fractions otherwise. */
function asInteger(row: readonly (string | number | null)[]): unknown[] {
  return row.map((value) => (typeof value === 'number' ? BigInt(value) : value));
}
