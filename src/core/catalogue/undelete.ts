import type { ManifestHead } from '../../data/catalogue/types.ts';
import type { DataBackend } from '../../data/data-backend.ts';
import { BackyError } from '../../errors.ts';
import { importing } from '../../meta/import-pages.ts';
import { blobsTaken } from '../../meta/transfer-store.ts';
import type { BlockRow } from '../../model/block.ts';
import type { Context } from '../context.ts';
import { identifyStore } from '../store/check-store.ts';
import { ImportProbe } from '../transfer/import-probe.ts';
import { holding, lockForOperation, lockImports, lockVersion, refuseOtherInstances } from '../versions/locks.ts';
import { isExpired } from '../versions/removal-rule.ts';
import { keepsCatalogue } from './flush.ts';
import { withFolder } from './folder-lock.ts';
import { importManifest, withoutKnownStats } from './import-manifest.ts';
import { folderOf } from './manifest-rows.ts';
import { unmark } from './tidy-markers.ts';
import { type OpenedCatalogue, withCatalogue } from './with-catalogue.ts';

/** A removed version that is back. */
export interface UndeletedVersion {
  uid: string;
  name: string;
  date: Date;
  /** Block rows. */
  blocks: number;
  /** As it was when it was removed. */
  valid: boolean;
}

/**
 * Brings a removed version back from its manifest, as it was: all of it, or nothing. A cleanup may
 * run meanwhile (docs/spec/semantics.md §20).
 * @throws BackyError `versionExists`, `notFound`, `refused` if it can't come back.
 */
export async function undelete(context: Context, uid: string): Promise<UndeletedVersion> {
  const { locks } = context;
  refuseWithoutCatalogue(context);
  // A cleanup of the original does not see what comes back.
  refuseOtherInstances(context.otherInstances(), 'The original must not clean up meanwhile.');
  return holding([() => lockForOperation(locks)], () =>
    withCatalogue(context, async (opened) => {
      await identifyStore(context, opened.backend, { keepsId: false });
      const folder = await folderOfRemoved(context, opened, uid);
      // Other imports, and a cleanup that makes room on a full disk, leave no marks on blobs.
      return holding([() => lockVersion(locks, uid, 'exclusive'), () => lockImports(locks, 'exclusive')], () =>
        withFolder(context, folder, () => bringBack(context, opened, uid)),
      );
    }),
  );
}

/** @throws BackyError `refused` where removed versions leave nothing to come back from. */
export function refuseWithoutCatalogue(context: Pick<Context, 'settings' | 'data'>): void {
  if (keepsCatalogue(context)) return;
  throw new BackyError('refused', 'This installation keeps no catalogue: removed versions can not come back.', {
    hint: 'From now on, they can with: catalogue: yes in section DataBackend.',
  });
}

/** The folder of the manifest. Rejects unless the version was removed, and has a manifest still. */
async function folderOfRemoved(
  { meta, signal }: Context,
  { catalogue }: Pick<OpenedCatalogue, 'catalogue'>,
  uid: string,
): Promise<string> {
  if ((await meta.findVersion(uid)) !== undefined) throw isThere(uid);
  const record = (await meta.removedManifests()).find(({ versionUid }) => versionUid === uid);
  const isRemoved = record !== undefined || (await catalogue.removals()).has(uid);
  const head = await catalogue.readHead(uid, signal);
  if (head === undefined && isRemoved) throw manifestTaken(uid);
  if (head === undefined)
    throw new BackyError('notFound', `There is no removed version ${uid}, or a cleanup has taken it.`, {
      data: { uid },
      hint: 'List what can come back: backy2 undelete --list',
    });
  if (!isRemoved) {
    throw new BackyError(
      'refused',
      `No removal of version ${uid} was recorded: the original removed it, or the database is an older one.`,
      {
        data: { uid },
        hint: `The catalogue still has it: backy2 catalogue --adopt ${uid}`,
      },
    );
  }
  return record?.folder ?? folderOf(head);
}

/**
 * Runs with all locks: neither does a cleanup delete the manifest, nor another command write it.
 */
async function bringBack(context: Context, { catalogue, backend }: OpenedCatalogue, uid: string): Promise<UndeletedVersion> {
  const { meta, logger, signal } = context;
  const head = await catalogue.readHead(uid, signal);
  if (head === undefined) throw manifestTaken(uid);
  const { blocks, valid, bad } = await importManifest(context, {
    ...{ catalogue, head: await withoutKnownStats(context, head), add: importing(meta), allOrNothing: true, heedsBad: true },
    pagesOf: (rows) => wholePages(rows.pages(), { backend, signal, uid }),
    // Otherwise the marker goes when the manifest is written again.
    isUpToDate: () => unmark(context, catalogue, uid),
  });
  const { name, date } = head.version;
  logger.info(`Version ${uid} of ${name} is back, with ${blocks} blocks.`);
  if (bad > 0)
    logger.warning(
      `Blobs of ${bad} blocks of version ${uid} were found bad meanwhile: it is invalid. To check it: backy2 scrub ${uid}`,
    );
  warnOf(context, head);
  return { uid, name, date, blocks, valid };
}

/** Rejects if the blob of a good row is missing. Its row may name it only after this look. */
async function* wholePages(
  pages: AsyncIterable<readonly BlockRow[]>,
  { backend, signal, uid }: { backend: DataBackend; signal: AbortSignal; uid: string },
): AsyncIterable<readonly BlockRow[]> {
  const probe = new ImportProbe(backend, signal);
  for await (const page of pages) {
    for await (const looked of probe.pages(only(page)))
      if (looked.some((row, index) => row.valid !== page[index]?.valid)) throw blobsTaken(uid);
    yield page;
  }
}

async function* only<T>(page: T): AsyncIterable<T> {
  yield page;
}

function warnOf({ logger, now }: Context, { version }: ManifestHead): void {
  const { uid, valid } = version;
  if (!valid) logger.warning(`Version ${uid} was not valid when it was removed. To check it: backy2 scrub ${uid}`);
  if (isExpired(version, now()) && !version.protected) {
    logger.warning(
      `Version ${uid} has expired: "backy2 prune" and "backy2 rm --expired" remove it again. To keep it: backy2 protect ${uid}`,
    );
  }
}

function isThere(uid: string): BackyError {
  return new BackyError('versionExists', `The database has version ${uid}: nothing is to be brought back.`, { data: { uid } });
}

function manifestTaken(uid: string): BackyError {
  return new BackyError('refused', `A cleanup has taken version ${uid}: it can't come back.`, {
    data: { uid },
    hint: 'List what can come back: backy2 undelete --list. To keep removed versions longer, set keep_removed in section DEFAULTS.',
  });
}
