import type { Revision } from '../sql/revisions.ts';

const COUNTS = `version_size_bytes, version_size_blocks, bytes_read, blocks_read, bytes_written, blocks_written, bytes_found_dedup,
  blocks_found_dedup, bytes_sparse, blocks_sparse, duration_seconds`;

/**
 * The changes of each revision to the tables of the one before. They work in place, as in the
 * original: the schema is then the one that the original would have made, down to the order of
 * columns and the names of constraints. Only the change of `expire` rewrites a table, which has one
 * row for each version.
 */
export const STEPS: Record<Revision, readonly string[]> = {
  bbe7904bfc3a: ["ALTER TABLE versions ADD COLUMN snapshot_name VARCHAR DEFAULT '' NOT NULL"],
  '29c655b78818': [
    `CREATE TABLE tags (
      version_uid VARCHAR(36) NOT NULL,
      name VARCHAR NOT NULL,
      PRIMARY KEY (version_uid, name),
      FOREIGN KEY (version_uid) REFERENCES versions (uid)
    )`,
  ],
  '828da0fbbe8d': ['ALTER TABLE versions ADD COLUMN expire DATE'],
  cd3f15ae79f8: ['ALTER TABLE versions ALTER COLUMN expire TYPE TIMESTAMP WITHOUT TIME ZONE'],
  '9e0939e3bc6d': ['ALTER TABLE stats RENAME TO stats_old'],
  '85966fcda5e6': [
    `CREATE TABLE stats (
      date TIMESTAMP WITHOUT TIME ZONE NOT NULL,
      id SERIAL NOT NULL,
      version_uid VARCHAR(36),
      version_name VARCHAR NOT NULL,
      ${COUNTS.replaceAll(',', ' BIGINT NOT NULL,')} BIGINT NOT NULL,
      PRIMARY KEY (id)
    )`,
    'CREATE INDEX ix_stats_version_uid ON stats (version_uid)',
    `INSERT INTO stats (date, version_uid, version_name, ${COUNTS})
      SELECT date, version_uid, version_name, ${COUNTS} FROM stats_old ORDER BY date`,
    'DROP TABLE stats_old',
  ],
  '5260034b8125': [
    'ALTER TABLE blocks ADD COLUMN enc_envkey VARCHAR(80)',
    // A temporary default gives old rows their value without rewriting them.
    'ALTER TABLE blocks ADD COLUMN enc_version INTEGER DEFAULT 0 NOT NULL',
    'ALTER TABLE blocks ALTER COLUMN enc_version DROP DEFAULT',
  ],
  '30349b678801': ['ALTER TABLE blocks ADD COLUMN enc_nonce VARCHAR(32)'],
};
