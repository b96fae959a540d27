import { NEWEST_REVISION } from '../sql/revisions.ts';
import { MARK_TABLE } from './commit-mark.ts';

/** The original's tables that hold data. */
export type TableName = 'stats' | 'versions' | 'deleted_blocks' | 'tags' | 'blocks';

/**
 * The original's schema, to the letter: SQLite keeps the text of a CREATE statement, and tools that compare dumps of
 * databases must see no difference. That is why knex's schema builder does not write it.
 * Each table comes with its indexes, and before those that refer to it.
 */
export const TABLES: Record<TableName, readonly [table: string, ...indexes: string[]]> = {
  stats: [
    `CREATE TABLE stats (
	date DATETIME NOT NULL, 
	id INTEGER NOT NULL, 
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
	id INTEGER NOT NULL, 
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

/** The table that names the revision, with its row. */
export const REVISION = [
  `CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
)`,
  `INSERT INTO alembic_version VALUES ('${NEWEST_REVISION}')`,
];

/** A whole new database. */
export const SCHEMA = [...Object.values(TABLES).flat(), ...REVISION];

/**
 * Our own tables, beside the original's, which never looks at them: blobs that a cleanup is about
 * to delete, the counters of backups that have not finished, what versions are copies of whose
 * migration has not, when blobs were verified, which contents are known to be bad, which store the
 * database belongs to, which blobs are only known from imports, numbers of our own, and the count
 * of transactions.
 */
export const SIDE_TABLES = [
  'CREATE TABLE IF NOT EXISTS backy2_doomed (uid VARCHAR(32) NOT NULL PRIMARY KEY, time BIGINT NOT NULL)',
  'CREATE TABLE IF NOT EXISTS backy2_progress (version_uid VARCHAR(36) NOT NULL PRIMARY KEY, counters TEXT NOT NULL)',
  `CREATE TABLE IF NOT EXISTS backy2_migrations (version_uid VARCHAR(36) NOT NULL PRIMARY KEY, origin_uid VARCHAR(36) NOT NULL,
     enc_version INTEGER NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS backy2_verified (uid VARCHAR(32) NOT NULL PRIMARY KEY, time BIGINT NOT NULL, good INTEGER)
     WITHOUT ROWID`,
  'CREATE INDEX IF NOT EXISTS backy2_ix_verified_time ON backy2_verified (time, uid)',
  'CREATE TABLE IF NOT EXISTS backy2_bad (checksum VARCHAR(128) NOT NULL PRIMARY KEY) WITHOUT ROWID',
  'CREATE TABLE IF NOT EXISTS backy2_store (slot INTEGER NOT NULL PRIMARY KEY CHECK (slot = 1), id VARCHAR(36) NOT NULL)',
  `CREATE TABLE IF NOT EXISTS backy2_imported (uid VARCHAR(32) NOT NULL, checksum VARCHAR(128) NOT NULL, PRIMARY KEY (uid, checksum))
     WITHOUT ROWID`,
  'CREATE TABLE IF NOT EXISTS backy2_state (name VARCHAR(32) NOT NULL PRIMARY KEY, value BIGINT NOT NULL)',
  ...MARK_TABLE,
];
