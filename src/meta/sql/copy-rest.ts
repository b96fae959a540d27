import type { Layout } from '../../model/layout.ts';
import { joinSql, quoted, type Sql, sql } from './statement.ts';
import { run, type Steps } from './steps.ts';

/** Columns of table versions that a conversion sets as the old database has them, to the letter. */
const VERSION_COLUMNS = ['date', 'expire', 'name', 'snapshot_name', 'size', 'size_bytes', 'valid', 'protected'];

/** Tables that are the same in both layouts, with their columns. */
const SAME_TABLES: Record<string, readonly string[]> = {
  tags: ['version_uid', 'name'],
  stats: [
    ...['date', 'id', 'version_uid', 'version_name', 'version_size_bytes', 'version_size_blocks', 'bytes_read'],
    ...['blocks_read', 'bytes_written', 'blocks_written', 'bytes_found_dedup', 'blocks_found_dedup', 'bytes_sparse'],
    ...['blocks_sparse', 'duration_seconds'],
  ],
  backy2_doomed: ['uid', 'time'],
  backy2_progress: ['version_uid', 'counters'],
  backy2_migrations: ['version_uid', 'origin_uid', 'enc_version'],
  backy2_verified: ['uid', 'time', 'good'],
  backy2_bad: ['checksum'],
  backy2_store: ['slot', 'id'],
  backy2_imported: ['uid', 'checksum'],
  backy2_names: ['hash', 'name', 'since'],
  backy2_state: ['name', 'value'],
  backy2_catalogue: ['version_uid', 'changes', 'written', 'folder', 'name', 'removed', 'marked'],
  backy2_catalogue_leaves: ['version_uid', 'leaf'],
  backy2_runs: [
    ...['kind', 'hash', 'name', 'job', 'host', 'started', 'ended', 'succeeded', 'failures', 'exit_code', 'problem'],
    ...['reported', 'hook'],
  ],
  backy2_space: ['date', 'sizes'],
};

/** Where the old database is, as statements on the new one name it. */
export interface OldDatabase {
  /** Its schema. */
  schema: string;
  layout: Layout;
}

/** See Conversion.copyRest. The versions are there already: only their columns are set. */
export function* copyRest({ schema, layout }: OldDatabase): Steps<void> {
  const old = (table: string) => sql`${quoted(schema)}.${quoted(table)}`;
  const set = VERSION_COLUMNS.map((name) => sql`${quoted(name)} = old.${quoted(name)}`);
  yield* run(sql`UPDATE versions SET ${joinSql(set, ', ')} FROM ${old('versions')} AS old WHERE old.uid = versions.uid`);
  for (const [table, names] of Object.entries(SAME_TABLES)) {
    const columns = joinSql(names.map(quoted), ', ');
    yield* run(sql`DELETE FROM ${quoted(table)}`);
    yield* run(sql`INSERT INTO ${quoted(table)} (${columns}) SELECT ${columns} FROM ${old(table)}`);
  }
  yield* layout === 'classic' ? candidatesOfRows(old) : candidatesOfBlobs(old);
}

/**
 * Candidates of a classic database. Those whose blobs no block names get a row without a content.
 */
function* candidatesOfRows(old: (table: string) => Sql): Steps<void> {
  const isSame = sql`substr(backy2_blobs.uid, 1, 10) = substr(gone.uid, 1, 10) AND backy2_blobs.uid = gone.uid`;
  yield* run(
    sql`INSERT INTO backy2_blobs (uid, size, valid, enc_version)
      SELECT uid, max(size), 0, 0 FROM ${old('deleted_blocks')} AS gone
      WHERE uid <> '' AND NOT EXISTS (SELECT 1 FROM backy2_blobs WHERE ${isSame}) GROUP BY uid`,
  );
  // WHERE tells SQLite that ON begins no join.
  yield* run(
    sql`INSERT INTO backy2_candidates (blob, time)
      SELECT backy2_blobs.id, max(time) FROM ${old('deleted_blocks')} AS gone JOIN backy2_blobs ON ${isSame}
      WHERE 1 = 1 GROUP BY backy2_blobs.id ON CONFLICT (blob) DO UPDATE SET time = excluded.time, scanned = 0`,
  );
}

/** Candidates of a compact database. Those that a block names are dropped by the next cleanup. */
function* candidatesOfBlobs(old: (table: string) => Sql): Steps<void> {
  yield* run(sql`DELETE FROM deleted_blocks`);
  yield* run(
    sql`INSERT INTO deleted_blocks (uid, size, delete_candidate, time)
      SELECT uid, max(size), 0, max(time) FROM ${old('backy2_candidates')} AS gone JOIN ${old('backy2_blobs')} AS blobs ON blobs.id = gone.blob
      WHERE uid <> '' GROUP BY uid`,
  );
}
