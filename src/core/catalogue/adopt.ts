import type { Catalogue } from '../../data/catalogue/catalogue.ts';
import type { ManifestHead } from '../../data/catalogue/types.ts';
import type { DataBackend } from '../../data/data-backend.ts';
import { BackyError } from '../../errors.ts';
import { importing } from '../../meta/import-pages.ts';
import type { Context } from '../context.ts';
import { identifyStore } from '../store/check-store.ts';
import { ImportProbe } from '../transfer/import-probe.ts';
import { holding, lockForOperation, lockImports, lockVersion } from '../versions/locks.ts';
import { importManifest, withoutKnownStats } from './import-manifest.ts';
import { readHeads } from './read-heads.ts';
import { unknownVersions } from './store-only.ts';
import { unmark } from './tidy-markers.ts';
import { withCatalogue } from './with-catalogue.ts';

/** A version that came from the catalogue. */
export interface AdoptedVersion {
  uid: string;
  name: string;
  /** Block rows. */
  blocks: number;
  /** Blocks whose blobs are gone. */
  blocksMissing: number;
  /** Blocks whose rows are lost with a part of the catalogue. */
  blocksLost: number;
  valid: boolean;
}

/** The outcome of {@link adoptVersions}. */
export interface Adoption {
  adopted: AdoptedVersion[];
  /** Versions whose head can't be read. */
  damaged: string[];
}

/**
 * Brings versions into the database that only the catalogue has: one, or all of them. Blobs are
 * looked for, and not read; a version that lacks some comes in as invalid.
 * @throws BackyError `notFound`, `versionExists`.
 */
export function adoptVersions(context: Context, uid?: string): Promise<Adoption> {
  const { locks } = context;
  return holding([() => lockForOperation(locks), () => lockImports(locks, 'shared')], () =>
    withCatalogue(context, async ({ catalogue, backend }) => {
      await identifyStore(context, backend, { keepsId: false });
      const { heads, damaged } = await wantedHeads(context, catalogue, uid);
      const adopted: AdoptedVersion[] = [];
      for (const head of heads) {
        context.signal.throwIfAborted();
        adopted.push(await adopt(context, { catalogue, backend, head }));
      }
      return { adopted, damaged };
    }),
  );
}

async function wantedHeads(context: Context, catalogue: Catalogue, uid: string | undefined) {
  if (uid !== undefined) return { heads: [await wantedHead(context, catalogue, uid)], damaged: [] };
  const unknown = new Set((await unknownVersions(context, catalogue)).lacking);
  if (unknown.size === 0) return { heads: [], damaged: [] };
  const { heads, damaged } = await readHeads(context, catalogue);
  return {
    heads: heads.filter(({ version }) => unknown.has(version.uid)),
    damaged: [...damaged.keys()].filter((one) => unknown.has(one)),
  };
}

async function wantedHead({ meta, signal }: Context, catalogue: Catalogue, uid: string): Promise<ManifestHead> {
  if ((await meta.findVersion(uid)) !== undefined)
    throw new BackyError('versionExists', `The database has version ${uid} already.`, { data: { uid } });
  const head = await catalogue.readHead(uid, signal);
  if (head !== undefined) return head;
  throw new BackyError('notFound', `The catalogue has no version ${uid}.`, {
    data: { uid },
    hint: 'List what only the store has: backy2 catalogue --compare',
  });
}

/** A version to bring in, and where its blobs should be. */
interface Candidate {
  catalogue: Catalogue;
  backend: DataBackend;
  head: ManifestHead;
}

async function adopt(context: Context, { catalogue, backend, head }: Candidate): Promise<AdoptedVersion> {
  const { logger, locks, signal } = context;
  const { uid, name } = head.version;
  return holding([() => lockVersion(locks, uid, 'exclusive')], async () => {
    const probe = new ImportProbe(backend, signal);
    const { blocks, lost, valid, bad } = await importManifest(context, {
      ...{ catalogue, head: await withoutKnownStats(context, head), add: importing(context.meta), heedsBad: true },
      pagesOf: (rows) => probe.pages(rows.pages()),
      // Somebody removed it, and thought better of it.
      isUpToDate: () => unmark(context, catalogue, uid),
    });
    const { blocksMissing } = probe;
    if (blocksMissing > 0)
      logger.error(`The blobs of ${blocksMissing} of ${blocks} blocks of version ${uid} are gone: it came in as invalid.`);
    if (bad > 0) logger.error(`The blobs of ${bad} of ${blocks} blocks of version ${uid} are bad: it came in as invalid.`);
    logger.info(`Adopted version ${uid} of ${name}.`);
    return { uid, name, blocks, blocksMissing, blocksLost: lost?.blocks ?? 0, valid };
  });
}
