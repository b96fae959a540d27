import { COMPACT_REVISION } from '../sql/revisions.ts';
import { createTable, REVISION_TABLE, SIDE_TABLES, TABLE_NAMES, type TypeName } from '../sql/schema.ts';

/** Words of the compact tables for which the engines differ. */
export type CompactTypeName = 'NEVER_REUSED' | 'BYTES' | 'BY_KEY';

/** Indexes by which blobs are found that are not known by their id. */
export const BLOB_INDEXES = [
  'CREATE INDEX backy2_ix_blobs_checksum ON backy2_blobs (substr(checksum, 1, 8))',
  'CREATE INDEX backy2_ix_blobs_uid ON backy2_blobs (substr(uid, 1, 10))',
] as const;

/**
 * The tables of the compact layout (docs/spec/formats.md §9), instead of table `blocks`, which is
 * absent. An empty one would make the original's cleanup delete all blobs. `deleted_blocks` is
 * there and stays empty for the same reason.
 * - `backy2_blobs`: a row for each blob, instead of one for each block. Never changed but for
 *   `valid`, by healing and by rekey
 * - `backy2_leaves`: 1000 blocks each; see `leaf.ts`. A row never changes
 * - `backy2_maps`: one for each version. One whose version is missing: an unfinished import
 * - `backy2_map_leaves`: the leaves of a version. A missing one has no block
 * - `backy2_candidates`: blobs that may be unused; each blob that is unused has one
 *
 * Doomed blobs are in `backy2_doomed`, by uid, as in the classic layout. Several blobs can have one
 * uid: its bytes go with the last of them.
 */
const TABLES = [
  `CREATE TABLE backy2_blobs (
	id NEVER_REUSED, 
	uid VARCHAR(32), 
	checksum BYTES, 
	size BIGINT, 
	valid INTEGER NOT NULL, 
	enc_version INTEGER NOT NULL, 
	envkey BYTES, 
	nonce BYTES
)`,
  ...BLOB_INDEXES,
  'CREATE INDEX backy2_ix_blobs_bad ON backy2_blobs (id) WHERE valid = 0',
  `CREATE TABLE backy2_leaves (
	id NEVER_REUSED, 
	n INTEGER NOT NULL, 
	odd INTEGER NOT NULL, 
	sum BYTES NOT NULL, 
	data BYTES NOT NULL
)`,
  'CREATE INDEX backy2_ix_leaves_sum ON backy2_leaves (sum)',
  `CREATE TABLE backy2_maps (
	id NEVER_REUSED, 
	version_uid VARCHAR(36) NOT NULL UNIQUE, 
	block_size BIGINT, 
	digest BYTES
)`,
  `CREATE TABLE backy2_map_leaves (
	map BIGINT NOT NULL, 
	idx INTEGER NOT NULL, 
	leaf BIGINT NOT NULL, 
	PRIMARY KEY (map, idx), 
	FOREIGN KEY(leaf) REFERENCES backy2_leaves (id)
)BY_KEY`,
  'CREATE INDEX backy2_ix_map_leaves_leaf ON backy2_map_leaves (leaf, map)',
  `CREATE TABLE backy2_candidates (
	blob BIGINT NOT NULL PRIMARY KEY, 
	time BIGINT NOT NULL, 
	scanned BIGINT DEFAULT 0 NOT NULL
)BY_KEY`,
  'CREATE INDEX backy2_ix_candidates_unused ON backy2_candidates (blob) WHERE scanned = -1',
] as const;

const REVISION_ROW = `INSERT INTO alembic_version VALUES ('${COMPACT_REVISION}')`;

/** A whole new database. With the doomed blobs, which commands look at that change nothing. */
export function createCompactSchema(types: Record<TypeName | CompactTypeName, string>): string[] {
  const kept = TABLE_NAMES.filter((name) => name !== 'blocks');
  const own = TABLES.map((text) => text.replace(/\b(NEVER_REUSED|BYTES|BY_KEY)\b/g, (type) => types[type as CompactTypeName]));
  return [...kept.flatMap((name) => createTable(name, types)), ...own, SIDE_TABLES.backy2_doomed, REVISION_TABLE, REVISION_ROW];
}
