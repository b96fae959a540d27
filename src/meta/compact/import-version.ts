import { BackyError } from '../../errors.ts';
import type { BlockRow, DatedBlockRow } from '../../model/block.ts';
import { toStoredDate } from '../../model/dates.ts';
import type { Version } from '../../model/version.ts';
import { trackImported } from '../sql/catalogue-marks.ts';
import type { SqlDatabase } from '../sql/database.ts';
import { forgottenBlobs, refuseExisting } from '../sql/import-steps.ts';
import { rememberName } from '../sql/name-steps.ts';
import { rowPages } from '../sql/row-pages.ts';
import { toVersionRecord } from '../sql/rows.ts';
import { statementBuilder } from '../sql/statement-builder.ts';
import { run } from '../sql/steps.ts';
import { insertTags } from '../sql/version-steps.ts';
import { blobsTaken, type ImportOptions, type ImportOutcome } from '../transfer-store.ts';
import { digestMap } from './checks.ts';
import { type AddedRows, addImported } from './import-rows.ts';
import { type LeafHash, leafHash } from './leaf-sum.ts';
import { blocksOfMap, insertMap, type VersionMap } from './maps.ts';
import { removeUnfinishedMaps } from './unfinished-maps.ts';

/**
 * See TransferStore.importVersion. Rows go into a map whose version is missing until the last
 * transaction: slow input locks nobody out, and memory is bounded. After a crash, the next import
 * of the same version removes what was left.
 */
export async function importVersion(
  db: SqlDatabase,
  version: Version,
  rows: AsyncIterable<DatedBlockRow>,
  { isWhole = () => true, isTrusted = false, tags = [], allOrNothing = false, heedsBad = false }: ImportOptions = {},
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
    const { added, doomed, unknown, bad } = await addRows(db, hash, { map, rows, isTrusted, allOrNothing, heedsBad });
    const mayLack = await db.transaction(function* () {
      yield* refuseExisting(version.uid);
      // Another import of the same version may have removed them.
      if ((yield* blocksOfMap(map.map)) !== added)
        throw new BackyError('failed', `Another import of version ${version.uid} runs.`);
      const hasForgotten = (yield* forgottenBlobs()) !== forgotten && !(allOrNothing && unknown === 0);
      if (allOrNothing && hasForgotten) throw blobsTaken(version.uid);
      const valid = version.valid && doomed + bad === 0 && !hasForgotten && isWhole();
      yield* run(build('versions').insert(toVersionRecord({ ...version, valid })));
      yield* insertTags(version.uid, tags);
      if (version.valid) yield* rememberName(version.name, db.now());
      yield* digestMap(hash, map);
      yield* trackImported(version.uid);
      return hasForgotten;
    }, 'naming');
    return { doomed, mayLack, bad };
  } catch (error) {
    await removeUnfinishedMaps(db, hash, version.uid).catch(() => {});
    throw error;
  }
}

interface ImportedRows {
  map: VersionMap;
  rows: AsyncIterable<DatedBlockRow>;
  /** See ImportOptions. */
  isTrusted: boolean;
  allOrNothing: boolean;
  heedsBad: boolean;
}

async function addRows(
  db: SqlDatabase,
  hash: LeafHash,
  { rows, ...request }: ImportedRows,
): Promise<AddedRows & { added: number }> {
  const { map } = request;
  const sum = { added: 0, doomed: 0, unknown: 0, bad: 0 };
  for await (const page of rowPages(rows)) {
    map.blockSize ??= blockSizeOf(map, page);
    const { doomed, unknown, bad } = await db.transaction(() => addImported(db, hash, { ...request, page }), 'naming');
    sum.doomed += doomed;
    sum.unknown += unknown;
    sum.bad += bad;
    sum.added += page.length;
  }
  return sum;
}

/** The first block has the block size, unless it is the last one too. */
export function blockSizeOf({ size, sizeBytes }: VersionMap, [first]: readonly BlockRow[]): number {
  return size <= 1 || first === undefined ? Math.max(1, sizeBytes) : first.size;
}
