import type { Catalogue } from '../../data/catalogue/catalogue.ts';
import type { ManifestHead } from '../../data/catalogue/types.ts';
import type { DataBackend } from '../../data/data-backend.ts';
import { BackyError } from '../../errors.ts';
import type { RemovedManifest } from '../../meta/catalogue-store.ts';
import type { AddVersion } from '../../meta/fill-store.ts';
import { NoDatabaseError } from '../../meta/no-database.ts';
import { withResumeHint } from '../blocks/resume-hint.ts';
import type { Context } from '../context.ts';
import { progressLog } from '../progress-log.ts';
import { holdingInstallation, refuseOtherInstances } from '../versions/locks.ts';
import { AddedLeaves } from './added-leaves.ts';
import { importManifest } from './import-manifest.ts';
import { ListedBlobs } from './listed-blobs.ts';
import { folderOf, type ManifestRows } from './manifest-rows.ts';
import { MissingBlobs } from './missing-blobs.ts';
import { asDamage, readHeads } from './read-heads.ts';
import type { DamagedVersion, RebuildRequest, RebuildResult } from './rebuild-result.ts';
import { withCatalogue } from './with-catalogue.ts';

/**
 * Makes the database from the catalogue in the data backend. It must be missing or empty, or come
 * from a rebuild that was stopped: that continues. All blobs are listed; versions that lack some
 * come back as invalid. Blobs are not read. Needs the whole installation.
 */
export async function rebuildDatabase(context: Context, request: RebuildRequest): Promise<RebuildResult> {
  const startMs = performance.now();
  return holdingInstallation(context.locks, () => {
    refuseOtherInstances(context.otherInstances());
    return withCatalogue(context, async ({ catalogue, backend }) => {
      refuseRandomKey(context, catalogue);
      const { heads, damaged } = await readHeads(context, catalogue);
      if (heads.length === 0) throw nothingThere();
      const known = await openEmpty(context, heads, request);
      const lost = [...damaged.keys()];
      const done = request.dryRun
        ? planRebuild(context, heads, known)
        : await withResumeHint(
            context.signal,
            () => 'What is done is kept. To continue, run the command again.',
            () => rebuild(context, { catalogue, backend, heads, known }),
          );
      return { ...request, ...done, lost, seconds: (performance.now() - startMs) / 1000 };
    });
  });
}

/**
 * With the recovery key alone, the keys of all blocks would be wrapped with a key that nobody knows
 * later.
 */
function refuseRandomKey({ settings }: Context, { isSealed }: Catalogue): void {
  if (!isSealed || settings.encryption.key !== undefined) return;
  throw new BackyError('encryption', 'The catalogue is encrypted, and there is no encryption_key for the new database.', {
    hint: 'Set encryption_key in section DEFAULTS: to the key of this store or, if it is lost and you have its recovery key, to a new one.',
  });
}

/** The parts of a result that depend on what was done. */
type Done = Pick<RebuildResult, 'versions' | 'versionsKept' | 'blocks' | 'blobs' | 'damaged'>;

function nothingThere(): BackyError {
  return new BackyError('notFound', 'The data backend has no catalogue: there is nothing to make a database of.', {
    hint: 'Bring the database back from a copy, or import the exports of its versions.',
  });
}

/**
 * Opens the database, and creates it if it is missing.
 * @returns uids of the versions that it has: all of them are in the catalogue.
 */
async function openEmpty(
  { meta }: Context,
  heads: readonly ManifestHead[],
  { layout, dryRun }: RebuildRequest,
): Promise<Set<string>> {
  try {
    await meta.open({ asItIs: dryRun, fills: true, layout });
  } catch (error) {
    if (!(error instanceof NoDatabaseError)) throw error;
    if (dryRun) return new Set();
    await meta.initialize(layout);
    await meta.open({ layout });
  }
  const inCatalogue = new Set(heads.map(({ version }) => version.uid));
  const known = (await meta.listVersions({})).map(({ uid }) => uid);
  const other = known.find((uid) => !inCatalogue.has(uid));
  if (other === undefined) return new Set(known);
  throw new BackyError(
    'refused',
    `The database is in use: it has version ${other}, which the catalogue does not have. Nothing was changed.`,
    {
      hint: 'To add what only the store has: backy2 catalogue --adopt. To begin with an empty database, name another one as [MetaBackend] engine.',
    },
  );
}

function planRebuild({ logger }: Context, heads: readonly ManifestHead[], known: ReadonlySet<string>): Done {
  const missing = heads.filter(({ version }) => !known.has(version.uid));
  const blocks = blocksOf(missing);
  logger.info(`Would make ${blocks} blocks (versions: ${missing.length}) from the catalogue.`);
  return { versions: missing.length, versionsKept: known.size, blocks, blobs: 0, damaged: [] };
}

function blocksOf(heads: readonly ManifestHead[]): number {
  return heads.reduce((sum, { version }) => sum + version.size, 0);
}

/** An open catalogue, and a database to fill. */
interface Rebuild {
  catalogue: Catalogue;
  backend: DataBackend;
  heads: readonly ManifestHead[];
  known: ReadonlySet<string>;
}

async function rebuild(context: Context, { catalogue, backend, heads, known }: Rebuild): Promise<Done> {
  const { meta, logger, signal } = context;
  const [id] = ((await backend.storeIds('short')) ?? []).toSorted();
  if (id !== undefined) await meta.keepStoreId(id);
  const onListed = progressLog(context, (count) => `Listed ${count} blobs so far.`);
  const blobs = await ListedBlobs.of(backend, (count) => onListed(count, 0));
  const total = blocksOf(heads);
  const tell = progressLog(context, (done, all, percent) => `Made ${done} of ${all} blocks (${percent}%).`);
  const damaged: DamagedVersion[] = [];
  const added = new AddedLeaves();
  let blocks = 0;
  const addOne = async (head: ManifestHead, add: AddVersion) => {
    const { uid, name } = head.version;
    const missing = new MissingBlobs(blobs, (rows) => tell(blocks + rows, total));
    const pagesOf = (rows: ManifestRows) => added.note(missing.filter(rows.pagesAfter(added)));
    const imported = await importManifest(context, { catalogue, head, add, pagesOf });
    blocks += imported.blocks;
    const blocksLost = imported.lost?.blocks ?? 0;
    if (missing.count > 0 || blocksLost > 0)
      damaged.push({ uid, name, blocksMissing: missing.count, examples: missing.examples, blocksLost });
    if (missing.count > 0) logger.error(describeMissing(head, missing));
  };
  await meta.fill(async (add) => {
    for (const head of heads) {
      signal.throwIfAborted();
      if (known.has(head.version.uid)) await addRest(context, head);
      else await addOne(head, add);
    }
  });
  await recordRemovals(context, catalogue);
  await catalogue.adoptMasterKey();
  return { versions: heads.length - known.size, versionsKept: known.size, blocks, blobs: blobs.count, damaged };
}

function describeMissing({ version }: ManifestHead, { count, examples }: MissingBlobs): string {
  const more = count > examples.length ? `, … (${count} in all)` : '';
  return `Version ${version.uid} (${version.name}) came back as invalid: the blobs of its blocks ${examples.join(', ')}${more} are gone.`;
}

/** Adds what a rebuild that was stopped has not added: tags and statistics follow the version. */
async function addRest({ meta }: Context, { version, stats }: ManifestHead): Promise<void> {
  if (version.tags.length > 0) await meta.addTags(version.uid, version.tags);
  if (stats.length > 0 && (await meta.listStats({ versionUid: version.uid })).length === 0) await meta.importStats(stats);
}

/** A cleanup must know which manifests it may delete. */
async function recordRemovals({ meta, signal }: Context, catalogue: Catalogue): Promise<void> {
  const removed: RemovedManifest[] = [];
  for (const [versionUid, time] of await catalogue.removals()) {
    const head = await catalogue.readHead(versionUid, signal).catch((error: unknown) => void asDamage(error));
    if (head !== undefined)
      removed.push({ versionUid, name: head.version.name, folder: folderOf(head), removed: time, isMarked: true });
  }
  await meta.recordRemovals(removed);
}
