import type { Catalogue } from '../../data/catalogue/catalogue.ts';
import type { ManifestHead } from '../../data/catalogue/types.ts';
import { BackyError } from '../../errors.ts';
import { type AddVersion, type FillPage, isCopy } from '../../meta/fill-store.ts';
import type { Context } from '../context.ts';
import { folderOf, type LostLeaves, ManifestRows } from './manifest-rows.ts';
import { isOlder } from './predecessor.ts';

/** The outcome of an import of a manifest. */
export interface ImportedManifest {
  /** Block rows. */
  blocks: number;
  lost: LostLeaves | undefined;
  /** Whether the version is valid now. */
  valid: boolean;
  /** Blocks that came in as bad: see ImportOptions.heedsBad. */
  bad: number;
}

/** How a version is imported. */
interface ImportRequest {
  catalogue: Catalogue;
  head: ManifestHead;
  /** The rows as they are to come into the database. [all as they are] */
  pagesOf?: (rows: ManifestRows) => AsyncIterable<FillPage>;
  /** How the database takes them. */
  add: AddVersion;
  /** See ImportOptions. The manifest must have all blocks, too. */
  allOrNothing?: boolean;
  /** See ImportOptions. */
  heedsBad?: boolean;
  /** Runs once the version is there. False: its manifest does not count as up to date. */
  isUpToDate?(): Promise<boolean>;
}

/** The parts of a context for an import. */
type ImportContext = Pick<Context, 'meta' | 'logger' | 'signal'>;

/**
 * Imports a version from its manifest, with its tags and statistics. Its rows are trusted: they
 * come from the store that the blobs come from. What can't be read is missing, and the version is
 * invalid then; one ERROR says so. The manifest counts as up to date until the version changes. So
 * it keeps the blocks that the database could not get, and a removal of the version is recorded.
 * With blocks that came in as bad, it is written again.
 * @throws BackyError `versionExists`; `refused` with `allOrNothing`.
 */
export async function importManifest(
  { meta, logger, signal }: ImportContext,
  { catalogue, head, pagesOf = (rows) => rows.pages(), add, allOrNothing = false, heedsBad = false, isUpToDate }: ImportRequest,
): Promise<ImportedManifest> {
  const { uid, tags, valid } = head.version;
  const read = new ManifestRows(catalogue, head, signal);
  let blocks = 0;
  let hasInvalid = false;
  const pages = async function* () {
    for await (const page of pagesOf(read)) {
      blocks += isCopy(page) ? page.rows : page.length;
      hasInvalid ||= !isCopy(page) && page.some((row) => !row.valid);
      yield page;
    }
    if (allOrNothing && blocks !== head.version.size) throw notWhole(head, blocks);
  };
  const isWhole = () => read.lost === undefined && !hasInvalid && blocks === head.version.size;
  const { doomed, mayLack, bad } = await add(head.version, pages(), { isWhole, tags, allOrNothing, heedsBad });
  if (head.stats.length > 0) await meta.importStats(head.stats);
  const isSame = bad === 0 || read.lost !== undefined;
  if ((await isUpToDate?.()) !== false) await settle(meta, head, isSame);
  if (read.lost !== undefined) {
    logger.error(
      `The catalogue has lost ${read.lost.blocks} of ${head.version.size} blocks of version ${uid}: ${read.lost.reason}`,
    );
  }
  return { blocks, lost: read.lost, valid: valid && isWhole() && doomed + bad === 0 && !mayLack, bad };
}

function notWhole({ version: { uid, size } }: ManifestHead, blocks: number): BackyError {
  return new BackyError(
    'refused',
    `The catalogue has only ${blocks} of the ${size} blocks of version ${uid}: it can't come back whole.`,
    {
      data: { uid },
      hint: `Nothing was changed. To bring these back, as an invalid version: backy2 catalogue --adopt ${uid}`,
    },
  );
}

/** A version may come back while the database still has its statistics: a removal leaves them. */
export async function withoutKnownStats({ meta }: Pick<Context, 'meta'>, head: ManifestHead): Promise<ManifestHead> {
  const { length } = await meta.listStats({ versionUid: head.version.uid });
  return length > 0 ? { ...head, stats: [] } : head;
}

/**
 * Notes that the version has a manifest, and whether that is up to date: its head must not look
 * older than what the database remembers of the version from before its removal.
 */
async function settle(meta: Context['meta'], head: ManifestHead, isSame: boolean): Promise<void> {
  const versionUid = head.version.uid;
  await meta.trackVersions([versionUid]);
  const changes = (await meta.catalogueChanges(versionUid))?.changes ?? 0;
  const isCurrent = isSame && !isOlder(head, { written: changes });
  await meta.settleManifest({ versionUid, changes: isCurrent ? changes : -1, folder: folderOf(head) });
}
