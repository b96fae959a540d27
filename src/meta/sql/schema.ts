import { NEWEST_REVISION } from './revisions.ts';

/** The original's tables that hold data. */
export type TableName = 'stats' | 'versions' | 'deleted_blocks' | 'tags' | 'blocks';

/** Words for which the engines differ. */
export type TypeName = 'DATETIME' | 'SERIAL' | 'BIGSERIAL';

/**
 * The original's schema (docs/spec/formats.md §2), but for {@link TypeName}: each table with its
 * indexes, and before those that refer to it. SQLite keeps the text of a CREATE statement, and
 * tools that compare dumps must see no difference: knex's schema builder can't write it.
 */
const TABLES: Record<TableName, readonly [table: string, ...indexes: string[]]> = {
  stats: [
    `CREATE TABLE stats (
	date DATETIME NOT NULL, 
	id SERIAL NOT NULL, 
	version_uid VARCHAR(36), 
	version_name VARCHAR(2048) NOT NULL, 
	version_size_bytes BIGINT NOT NULL, 
	version_size_blocks BIGINT NOT NULL, 
	bytes_read BIGINT NOT NULL, 
	blocks_read BIGINT NOT NULL, 
	bytes_written BIGINT NOT NULL, 
	blocks_written BIGINT NOT NULL, 
	bytes_found_dedup BIGINT NOT NULL, 
	blocks_found_dedup BIGINT NOT NULL, 
	bytes_sparse BIGINT NOT NULL, 
	blocks_sparse BIGINT NOT NULL, 
	duration_seconds BIGINT NOT NULL, 
	PRIMARY KEY (id)
)`,
    'CREATE INDEX ix_stats_version_uid ON stats (version_uid)',
  ],
  versions: [
    `CREATE TABLE versions (
	uid VARCHAR(36) NOT NULL, 
	date DATETIME NOT NULL, 
	expire DATETIME, 
	name VARCHAR(2048) NOT NULL, 
	snapshot_name VARCHAR(2048) DEFAULT '' NOT NULL, 
	size BIGINT NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	valid INTEGER NOT NULL, 
	protected INTEGER NOT NULL, 
	PRIMARY KEY (uid)
)`,
  ],
  deleted_blocks: [
    `CREATE TABLE deleted_blocks (
	id BIGSERIAL NOT NULL, 
	uid VARCHAR(32), 
	size BIGINT, 
	delete_candidate INTEGER NOT NULL, 
	time BIGINT NOT NULL, 
	PRIMARY KEY (id)
)`,
    'CREATE INDEX ix_deleted_blocks_uid ON deleted_blocks (uid)',
  ],
  tags: [
    `CREATE TABLE tags (
	version_uid VARCHAR(36) NOT NULL, 
	name VARCHAR(2048) NOT NULL, 
	PRIMARY KEY (version_uid, name), 
	FOREIGN KEY(version_uid) REFERENCES versions (uid)
)`,
  ],
  blocks: [
    `CREATE TABLE blocks (
	uid VARCHAR(32), 
	version_uid VARCHAR(36) NOT NULL, 
	id INTEGER NOT NULL, 
	date DATETIME NOT NULL, 
	checksum VARCHAR(128), 
	size BIGINT, 
	valid INTEGER NOT NULL, 
	enc_version INTEGER NOT NULL, 
	enc_envkey VARCHAR(80), 
	enc_nonce VARCHAR(32), 
	PRIMARY KEY (version_uid, id), 
	FOREIGN KEY(version_uid) REFERENCES versions (uid)
)`,
    'CREATE INDEX ix_blocks_checksum ON blocks (checksum)',
    'CREATE INDEX ix_blocks_uid ON blocks (uid)',
  ],
};

/** Names of the original's tables that hold data. */
export const TABLE_NAMES = Object.keys(TABLES) as TableName[];

/** The CREATE statement of a table, to the letter, then those of its indexes. */
export function createTable(name: TableName, types: Record<TypeName, string>): [table: string, ...indexes: string[]] {
  const [table, ...indexes] = TABLES[name];
  return [table.replace(/\b(DATETIME|SERIAL|BIGSERIAL)\b/g, (type) => types[type as TypeName]), ...indexes];
}

/** CREATE statements of the indexes of table `blocks`, but for its key. */
export const BLOCK_INDEXES: readonly string[] = TABLES.blocks.slice(1);

/** The table that names the revision. */
export const REVISION_TABLE = `CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
)`;

/** The table that names the revision, with its row. */
export const REVISION = [REVISION_TABLE, `INSERT INTO alembic_version VALUES ('${NEWEST_REVISION}')`] as const;

/** A whole new database. */
export function createSchema(types: Record<TypeName, string>): string[] {
  return [...TABLE_NAMES.flatMap((name) => createTable(name, types)), ...REVISION];
}

/**
 * Our own tables and their indexes, by name; the original never looks at them:
 * - `backy2_doomed`: blobs that a cleanup is about to delete
 * - `backy2_progress`: counters of backups that have not finished
 * - `backy2_migrations`: the origin of each migrated version whose migration has not finished
 * - `backy2_verified`: when each blob was verified
 * - `backy2_bad`: contents that are known to be bad
 * - `backy2_store`: the store that the database belongs to
 * - `backy2_imported`: blobs that are known only from imports
 * - `backy2_names`: names of versions that were seen
 * - `backy2_state`: numbers of our own
 * - `backy2_catalogue`: versions whose manifests in the catalogue are kept up to date
 * - `backy2_catalogue_leaves`: their leaves in the catalogue that are not up to date; -1: all
 * - `backy2_catalogue_blobs`: blobs of the compact layout that changed, while nobody has looked yet
 *   which leaves have them
 * - `backy2_runs`: what `run` did last
 * - `backy2_space`: space of all versions over time
 */
export const SIDE_TABLES = {
  backy2_doomed: 'CREATE TABLE IF NOT EXISTS backy2_doomed (uid VARCHAR(32) NOT NULL PRIMARY KEY, time BIGINT NOT NULL)',
  backy2_progress:
    'CREATE TABLE IF NOT EXISTS backy2_progress (version_uid VARCHAR(36) NOT NULL PRIMARY KEY, counters TEXT NOT NULL)',
  backy2_migrations: `CREATE TABLE IF NOT EXISTS backy2_migrations (version_uid VARCHAR(36) NOT NULL PRIMARY KEY, origin_uid VARCHAR(36) NOT NULL,
     enc_version INTEGER NOT NULL)`,
  backy2_verified:
    'CREATE TABLE IF NOT EXISTS backy2_verified (uid VARCHAR(32) NOT NULL PRIMARY KEY, time BIGINT NOT NULL, good INTEGER)',
  backy2_ix_verified_time: 'CREATE INDEX IF NOT EXISTS backy2_ix_verified_time ON backy2_verified (time, uid)',
  backy2_bad: 'CREATE TABLE IF NOT EXISTS backy2_bad (checksum VARCHAR(128) NOT NULL PRIMARY KEY)',
  backy2_store:
    'CREATE TABLE IF NOT EXISTS backy2_store (slot INTEGER NOT NULL PRIMARY KEY CHECK (slot = 1), id VARCHAR(36) NOT NULL)',
  backy2_imported:
    'CREATE TABLE IF NOT EXISTS backy2_imported (uid VARCHAR(32) NOT NULL, checksum VARCHAR(128) NOT NULL, PRIMARY KEY (uid, checksum))',
  backy2_names:
    'CREATE TABLE IF NOT EXISTS backy2_names (hash VARCHAR(64) NOT NULL PRIMARY KEY, name VARCHAR(2048) NOT NULL, since BIGINT NOT NULL)',
  backy2_state: 'CREATE TABLE IF NOT EXISTS backy2_state (name VARCHAR(32) NOT NULL PRIMARY KEY, value BIGINT NOT NULL)',
  backy2_catalogue: `CREATE TABLE IF NOT EXISTS backy2_catalogue (version_uid VARCHAR(36) NOT NULL PRIMARY KEY, changes BIGINT NOT NULL,
     written BIGINT NOT NULL, folder VARCHAR(64) NOT NULL, name VARCHAR(2048), removed BIGINT, marked INTEGER NOT NULL)`,
  backy2_catalogue_leaves:
    'CREATE TABLE IF NOT EXISTS backy2_catalogue_leaves (version_uid VARCHAR(36) NOT NULL, leaf BIGINT NOT NULL, PRIMARY KEY (version_uid, leaf))',
  backy2_catalogue_blobs: 'CREATE TABLE IF NOT EXISTS backy2_catalogue_blobs (blob BIGINT NOT NULL PRIMARY KEY)',
  backy2_runs: `CREATE TABLE IF NOT EXISTS backy2_runs (kind VARCHAR(8) NOT NULL, hash VARCHAR(64) NOT NULL, name TEXT NOT NULL,
     job TEXT NOT NULL, host TEXT NOT NULL, started BIGINT NOT NULL, ended BIGINT, succeeded BIGINT, failures BIGINT NOT NULL,
     exit_code INTEGER NOT NULL, problem TEXT, reported BIGINT, hook VARCHAR(8), PRIMARY KEY (kind, hash))`,
  backy2_space: 'CREATE TABLE IF NOT EXISTS backy2_space (date BIGINT NOT NULL PRIMARY KEY, sizes TEXT NOT NULL)',
} as const;
