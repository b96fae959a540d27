import { BackyError } from '../../errors.ts';
import type { DatedBlockRow } from '../../model/block.ts';
import { toStoredDate } from '../../model/dates.ts';
import type { Version } from '../../model/version.ts';
import type { SqlDatabase } from '../sql/database.ts';
import { forgottenBlobs, versionExists } from '../sql/import-steps.ts';
import { rememberName } from '../sql/name-steps.ts';
import { toVersionRecord } from '../sql/rows.ts';
import { sql } from '../sql/statement.ts';
import { statementBuilder } from '../sql/statement-builder.ts';
import { rowsOf, run, type Steps } from '../sql/steps.ts';
import type { ImportOptions, ImportOutcome } from '../transfer-store.ts';
import { digestMap } from './checks.ts';
import { addImported } from './import-rows.ts';
import { type LeafHash, leafHash } from './leaf-sum.ts';
import { blocksOfMap, insertMap, type VersionMap } from './maps.ts';
import { removeUnfinishedMaps } from './unfinished-maps.ts';

/** Rows that one transaction adds. */
const PAGE_ROWS = 5_000;

/**
 * See TransferStore.importVersion. Rows go into a map whose version is missing until the last
 * transaction: slow input locks nobody out, and memory is bounded. After a crash, the next import
 * of the same version removes what was left.
 */
export async function importVersion(
  db: SqlDatabase,
  version: Version,
  rows: AsyncIterable<DatedBlockRow>,
  { isWhole = () => true, isTrusted = false }: ImportOptions = {},
): Promise<ImportOutcome> {
  const build = await statementBuilder();
  const hash = await leafHash();
  await db.transaction(() => refuseExisting(version.uid));
  const forgotten = await db.read(forgottenBlobs);
  await removeUnfinishedMaps(db, hash, version.uid);
  const map: VersionMap = {
    ...{ map: await db.transaction(() => insertMap(db, version.uid)), versionUid: version.uid, blockSize: null },
    ...{ size: version.size, sizeBytes: version.sizeBytes, date: toStoredDate(version.date) },
  };
  try {
    const { added, doomed } = await addRows(db, hash, { map, rows, isTrusted });
    const mayLack = await db.transaction(function* () {
      yield* refuseExisting(version.uid);
      // Another import of the same version may have removed them.
      if ((yield* blocksOfMap(map.map)) !== added)
        throw new BackyError('failed', `Another import of version ${version.uid} runs.`);
      const hasForgotten = (yield* forgottenBlobs()) !== forgotten;
      const valid = version.valid && doomed === 0 && !hasForgotten && isWhole();
      yield* run(build('versions').insert(toVersionRecord({ ...version, valid })));
      if (version.valid) yield* rememberName(version.name, db.now());
      yield* digestMap(hash, map);
      return hasForgotten;
    }, 'naming');
    return { doomed, mayLack };
  } catch (error) {
    await removeUnfinishedMaps(db, hash, version.uid).catch(() => {});
    throw error;
  }
}

function* refuseExisting(uid: string): Steps<void> {
  if ((yield* rowsOf(sql`SELECT 1 AS one FROM versions WHERE uid = ${uid}`)).length > 0) throw versionExists(uid);
}

interface ImportedRows {
  map: VersionMap;
  rows: AsyncIterable<DatedBlockRow>;
  /** See ImportOptions. */
  isTrusted: boolean;
}

async function addRows(
  db: SqlDatabase,
  hash: LeafHash,
  { map, rows, isTrusted }: ImportedRows,
): Promise<{ added: number; doomed: number }> {
  const sum = { added: 0, doomed: 0 };
  const addPage = async (page: readonly DatedBlockRow[]) => {
    map.blockSize ??= blockSizeOf(map, page);
    sum.doomed += await db.transaction(() => addImported(db, hash, { map, page, isTrusted }), 'naming');
    sum.added += page.length;
  };
  let page: DatedBlockRow[] = [];
  for await (const row of rows) {
    if (page.push(row) < PAGE_ROWS) continue;
    await addPage(page);
    page = [];
  }
  if (page.length > 0) await addPage(page);
  return sum;
}

/** The first block has the block size, unless it is the last one too. */
function blockSizeOf({ size, sizeBytes }: VersionMap, [first]: readonly DatedBlockRow[]): number {
  return size <= 1 || first === undefined ? Math.max(1, sizeBytes) : first.size;
}
