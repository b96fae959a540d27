import type { BlockRow } from '../../model/block.ts';
import { fromStoredDate, toStoredDate } from '../../model/dates.ts';
import type { NewVersion, Version } from '../../model/version.ts';
import { sql } from './statement.ts';

/** A row of table versions as a driver gives it, and as a new one is written. */
export interface VersionRecord {
  uid: string;
  date: string;
  expire: string | null;
  name: string;
  snapshot_name: string;
  size: number;
  size_bytes: number;
  valid: number;
  protected: number;
}

/** A row of table blocks as a driver gives it. */
export interface BlockRecord {
  id: number;
  uid: string | null;
  date: string;
  checksum: string | null;
  size: number | null;
  valid: number;
  enc_version: number;
  enc_envkey: string | null;
  enc_nonce: string | null;
}

/** The columns of {@link BlockRecord}. */
export const BLOCK_COLUMNS = sql`id, uid, date, checksum, size, valid, enc_version, enc_envkey, enc_nonce`;

/** A version without its tags. */
export function toVersion(record: VersionRecord): Version {
  return {
    uid: record.uid,
    date: fromStoredDate(record.date),
    name: record.name,
    snapshotName: record.snapshot_name,
    size: Number(record.size),
    sizeBytes: Number(record.size_bytes),
    valid: record.valid !== 0,
    protected: record.protected !== 0,
    expire: record.expire === null || record.expire === '' ? null : fromStoredDate(record.expire),
  };
}

/** A block row; an old import's empty uid means sparse, as null does (docs/spec/formats.md §1). */
export function toBlockRow(record: BlockRecord): BlockRow {
  const sparse = record.uid === null || record.uid === '';
  return {
    id: record.id,
    uid: sparse ? null : record.uid,
    checksum: sparse ? null : record.checksum,
    size: Number(record.size ?? 0),
    valid: record.valid !== 0,
    encVersion: record.enc_version,
    envKey: record.enc_envkey,
    nonce: record.enc_nonce,
  };
}

/** The columns of a row of table versions, for a version as it is to be. */
export function toVersionRecord(version: Version): VersionRecord {
  return {
    uid: version.uid,
    date: toStoredDate(version.date),
    expire: version.expire === null ? null : toStoredDate(version.expire),
    name: version.name,
    snapshot_name: version.snapshotName,
    size: version.size,
    size_bytes: version.sizeBytes,
    valid: version.valid ? 1 : 0,
    protected: version.protected ? 1 : 0,
  };
}

/** The row that a new backup begins with: invalid, unprotected and dated `now`. */
export function newVersionRecord(version: NewVersion, now: Date): VersionRecord {
  return toVersionRecord({ ...version, date: now, valid: false, protected: false });
}
