import { NEWEST_REVISION } from '../sql/revisions.ts';

/** The original's schema: a dump of a database shows no difference (formats.md §2). Types are as it writes them, so that names of constraints are too. */
export const SCHEMA = [
  `CREATE TABLE stats (
    date TIMESTAMP WITHOUT TIME ZONE NOT NULL,
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
  `CREATE TABLE versions (
    uid VARCHAR(36) NOT NULL,
    date TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    expire TIMESTAMP WITHOUT TIME ZONE,
    name VARCHAR(2048) NOT NULL,
    snapshot_name VARCHAR(2048) DEFAULT '' NOT NULL,
    size BIGINT NOT NULL,
    size_bytes BIGINT NOT NULL,
    valid INTEGER NOT NULL,
    protected INTEGER NOT NULL,
    PRIMARY KEY (uid)
  )`,
  `CREATE TABLE deleted_blocks (
    id BIGSERIAL NOT NULL,
    uid VARCHAR(32),
    size BIGINT,
    delete_candidate INTEGER NOT NULL,
    time BIGINT NOT NULL,
    PRIMARY KEY (id)
  )`,
  'CREATE INDEX ix_deleted_blocks_uid ON deleted_blocks (uid)',
  `CREATE TABLE tags (
    version_uid VARCHAR(36) NOT NULL,
    name VARCHAR(2048) NOT NULL,
    PRIMARY KEY (version_uid, name),
    FOREIGN KEY (version_uid) REFERENCES versions (uid)
  )`,
  `CREATE TABLE blocks (
    uid VARCHAR(32),
    version_uid VARCHAR(36) NOT NULL,
    id INTEGER NOT NULL,
    date TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    checksum VARCHAR(128),
    size BIGINT,
    valid INTEGER NOT NULL,
    enc_version INTEGER NOT NULL,
    enc_envkey VARCHAR(80),
    enc_nonce VARCHAR(32),
    PRIMARY KEY (version_uid, id),
    FOREIGN KEY (version_uid) REFERENCES versions (uid)
  )`,
  'CREATE INDEX ix_blocks_uid ON blocks (uid)',
  'CREATE INDEX ix_blocks_checksum ON blocks (checksum)',
  'CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))',
  `INSERT INTO alembic_version VALUES ('${NEWEST_REVISION}')`,
];

/** Our own tables, as in SQLite (`../sqlite/schema.ts`). */
export const SIDE_TABLES = {
  backy2_doomed: 'CREATE TABLE IF NOT EXISTS backy2_doomed (uid VARCHAR(32) NOT NULL PRIMARY KEY, time BIGINT NOT NULL)',
  backy2_progress:
    'CREATE TABLE IF NOT EXISTS backy2_progress (version_uid VARCHAR(36) NOT NULL PRIMARY KEY, counters TEXT NOT NULL)',
  backy2_migrations: `CREATE TABLE IF NOT EXISTS backy2_migrations (version_uid VARCHAR(36) NOT NULL PRIMARY KEY,
    origin_uid VARCHAR(36) NOT NULL, enc_version INTEGER NOT NULL)`,
  backy2_verified:
    'CREATE TABLE IF NOT EXISTS backy2_verified (uid VARCHAR(32) NOT NULL PRIMARY KEY, time BIGINT NOT NULL, good INTEGER)',
  backy2_ix_verified_time: 'CREATE INDEX IF NOT EXISTS backy2_ix_verified_time ON backy2_verified (time, uid)',
  backy2_bad: 'CREATE TABLE IF NOT EXISTS backy2_bad (checksum VARCHAR(128) NOT NULL PRIMARY KEY)',
  backy2_store:
    'CREATE TABLE IF NOT EXISTS backy2_store (slot INTEGER NOT NULL PRIMARY KEY CHECK (slot = 1), id VARCHAR(36) NOT NULL)',
  backy2_imported:
    'CREATE TABLE IF NOT EXISTS backy2_imported (uid VARCHAR(32) NOT NULL, checksum VARCHAR(128) NOT NULL, PRIMARY KEY (uid, checksum))',
  backy2_state: 'CREATE TABLE IF NOT EXISTS backy2_state (name VARCHAR(32) NOT NULL PRIMARY KEY, value BIGINT NOT NULL)',
};
