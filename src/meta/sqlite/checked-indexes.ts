import type { Layout } from '../../model/layout.ts';
import { type Sql, sql } from '../sql/statement.ts';

/** An index of a table, and what it must have. */
interface CheckedIndex {
  name: string;
  /** Expressions in its order. */
  columns: readonly Sql[];
  /** The rows that it has; undefined: all. */
  where?: Sql;
}

/** A table whose indexes are compared with it. */
export interface CheckedTable {
  name: string;
  /** Columns that tell its rows apart. */
  key: readonly Sql[];
  indexes: readonly CheckedIndex[];
}

/** The index by which a cleanup looks up uids. */
const UIDS: Record<Layout, CheckedIndex> = {
  classic: { name: 'ix_blocks_uid', columns: [sql`uid`] },
  compact: { name: 'backy2_ix_blobs_uid', columns: [sql`substr(uid, 1, 10)`] },
};

const UID_TABLES: Record<Layout, CheckedTable> = {
  classic: { name: 'blocks', key: [sql`rowid`], indexes: [UIDS.classic] },
  compact: { name: 'backy2_blobs', key: [sql`id`], indexes: [UIDS.compact] },
};

/** The index of uids alone. */
export const UID_INDEX: Record<Layout, readonly CheckedTable[]> = {
  classic: [UID_TABLES.classic],
  compact: [UID_TABLES.compact],
};

/**
 * All indexes of the tables of blocks. Answers come from them alone: with a missing entry, `rm`
 * deletes a leaf that another version has; with a wrong one, dedup takes another content's blob.
 */
export const ALL_INDEXES: Record<Layout, readonly CheckedTable[]> = {
  classic: [
    {
      ...UID_TABLES.classic,
      indexes: [
        UIDS.classic,
        { name: 'ix_blocks_checksum', columns: [sql`checksum`] },
        { name: 'sqlite_autoindex_blocks_1', columns: [sql`version_uid`, sql`id`] },
      ],
    },
  ],
  compact: [
    {
      ...UID_TABLES.compact,
      indexes: [
        UIDS.compact,
        { name: 'backy2_ix_blobs_checksum', columns: [sql`substr(checksum, 1, 8)`] },
        { name: 'backy2_ix_blobs_bad', columns: [sql`id`], where: sql`valid = 0` },
      ],
    },
    { name: 'backy2_leaves', key: [sql`id`], indexes: [{ name: 'backy2_ix_leaves_sum', columns: [sql`sum`] }] },
    { name: 'backy2_maps', key: [sql`id`], indexes: [{ name: 'sqlite_autoindex_backy2_maps_1', columns: [sql`version_uid`] }] },
    {
      name: 'backy2_map_leaves',
      key: [sql`map`, sql`idx`],
      indexes: [{ name: 'backy2_ix_map_leaves_leaf', columns: [sql`leaf`, sql`map`] }],
    },
    {
      name: 'backy2_candidates',
      key: [sql`blob`],
      indexes: [{ name: 'backy2_ix_candidates_unused', columns: [sql`blob`], where: sql`scanned = -1` }],
    },
  ],
};
