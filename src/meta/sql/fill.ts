import type { Knex } from 'knex';
import type { BlockRow } from '../../model/block.ts';
import type { Layout } from '../../model/layout.ts';
import type { Version } from '../../model/version.ts';
import { type AddVersion, type CopiedRows, type FillPage, isCopy } from '../fill-store.ts';
import { type Importing, importing } from '../import-pages.ts';
import type { ImportOutcome } from '../transfer-store.ts';
import { trackImported } from './catalogue-marks.ts';
import type { Play, SqlDatabase } from './database.ts';
import { refuseExisting } from './import-steps.ts';
import { rememberName } from './name-steps.ts';
import { readRevision } from './revision-steps.ts';
import { COMPLETE_REVISIONS, FILLING_REVISIONS } from './revisions.ts';
import { toVersionRecord } from './rows.ts';
import { quoted, type Sql, schemaStatement, sql } from './statement.ts';
import { statementBuilder } from './statement-builder.ts';
import { rowsOf, run, type Steps } from './steps.ts';
import { insertTags } from './version-steps.ts';

/** Where the rows of one version go. */
export interface RowSink {
  add(page: readonly BlockRow[]): Promise<void>;
  copy(rows: CopiedRows): Promise<void>;
  /** After the last page. */
  end(): Promise<void>;
}

/** Begins the rows of a version, within its transaction. */
type BeginVersion = (version: Version, play: Play) => Promise<RowSink>;

/** How a layout of an engine is filled. */
export interface Filling {
  layout: Layout;
  /** CREATE statements of indexes that are made at the end. */
  indexes: readonly string[];
  /** The table of blocks or blobs: empty in a new database. */
  table: Sql;
  /** Called once, after the indexes are gone. */
  prepare(): Promise<BeginVersion>;
  /** Runs many large transactions, which need not be durable one by one. */
  bulk(body: () => Promise<void>): Promise<void>;
  /** For a database that is in use. */
  inUse: Importing;
}

/** See FillStore.fill. */
export async function fill(db: SqlDatabase, filling: Filling, body: (add: AddVersion) => Promise<void>): Promise<void> {
  await db.makeSideTables();
  if (!(await db.transaction(() => beginFilling(db, filling), 'schema'))) return body(importing(filling.inUse));
  await filling.bulk(async () => {
    const begin = await filling.prepare();
    const build = await statementBuilder();
    await body((version, pages, { isWhole = () => true, tags = [] } = {}) =>
      addVersion(db, { build, begin, version, tags, pages, isWhole }),
    );
    for (const index of filling.indexes) await db.transaction(() => makeIndex(index), 'schema');
  });
  await db.transaction(() => setRevision(COMPLETE_REVISIONS[filling.layout]), 'schema');
}

/** A version to add. */
interface Addition {
  build: Knex;
  begin: BeginVersion;
  version: Version;
  tags: readonly string[];
  pages: AsyncIterable<FillPage>;
  isWhole: () => boolean;
}

/** Nothing is doomed in a new database. */
function addVersion(db: SqlDatabase, { build, begin, version, tags, pages, isWhole }: Addition): Promise<ImportOutcome> {
  const { uid, name, valid } = version;
  return db.longTransaction('naming', async (play) => {
    await play(refuseExisting(uid));
    // Its rows refer to it.
    await play(run(build('versions').insert(toVersionRecord({ ...version, valid: false }))));
    const sink = await begin(version, play);
    for await (const page of pages) await (isCopy(page) ? sink.copy(page) : sink.add(page));
    await sink.end();
    if (valid && isWhole()) await play(run(sql`UPDATE versions SET valid = 1 WHERE uid = ${uid}`));
    if (valid) await play(rememberName(name, db.now()));
    await play(insertTags(uid, tags));
    await play(trackImported(uid));
    return { doomed: 0, mayLack: false, bad: 0 };
  });
}

/** Copies rows of table `blocks` to a version that has a row already. */
export function* copyRows(versionUid: string, { versionUid: from, blocks: { first, count } }: CopiedRows): Steps<void> {
  yield* run(
    sql`INSERT INTO blocks (version_uid, date, id, uid, checksum, size, valid, enc_version, enc_envkey, enc_nonce)
      SELECT versions.uid, versions.date, id, blocks.uid, checksum, blocks.size, blocks.valid, enc_version, enc_envkey, enc_nonce
      FROM blocks JOIN versions ON versions.uid = ${versionUid}
      WHERE version_uid = ${from} AND id >= ${first} AND id < ${first + count} ORDER BY id`,
  );
}

/** @returns false, with nothing changed, for a database that is in use. */
function* beginFilling(db: SqlDatabase, { layout, indexes, table }: Filling): Steps<boolean> {
  if ((yield* readRevision(db)) !== FILLING_REVISIONS[layout]) {
    const used = sql`SELECT 1 AS one FROM versions UNION ALL SELECT 1 FROM ${table} LIMIT 1`;
    if ((yield* rowsOf(used)).length > 0) return false;
    yield* setRevision(FILLING_REVISIONS[layout]);
  }
  for (const index of indexes) yield* dropIndex(index);
  return true;
}

function setRevision(revision: string): Steps<number> {
  return run(sql`UPDATE alembic_version SET version_num = ${revision}`);
}

function dropIndex(create: string): Steps<number> {
  return run(sql`DROP INDEX IF EXISTS ${quoted(create.split(' ')[2] ?? '')}`);
}

/** It may be there already, if the last run was killed. */
function* makeIndex(create: string): Steps<void> {
  yield* dropIndex(create);
  yield* run(schemaStatement(create));
}
