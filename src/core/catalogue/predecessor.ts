import type { Catalogue } from '../../data/catalogue/catalogue.ts';
import { folderOfHead } from '../../data/catalogue/names.ts';
import type { LeafList, ManifestHead } from '../../data/catalogue/types.ts';
import { BackyError } from '../../errors.ts';
import type { CatalogueChanges } from '../../meta/catalogue-store.ts';
import { leafOfBlock } from '../../model/catalogue-leaf.ts';
import type { Version } from '../../model/version.ts';
import type { Context } from '../context.ts';
import { LeafSet, leafCount } from './leaf-set.ts';

/** A manifest that a new one is derived from. */
export interface Predecessor {
  head: ManifestHead;
  list: LeafList;
  /** Leaves whose rows may differ from those that the list names. */
  touched: LeafSet;
}

/** The version whose manifest a new one is derived from. */
interface Origin {
  version: Version;
  /** The folder of the new manifest: leaves are shared within one alone. */
  folder: string;
  changes: CatalogueChanges | undefined;
}

/**
 * The manifest of `origin`, if the database knows all changes since it was written. Its changes
 * MUST be from before this call: a change that both miss would be lost.
 */
export async function predecessorOf(
  { logger, signal }: Pick<Context, 'logger' | 'signal'>,
  catalogue: Catalogue,
  { version, folder, changes }: Origin,
): Promise<Predecessor | undefined> {
  if (changes === undefined || changes.written === 0 || changes.leaves === 'all') return undefined;
  const manifest = await readManifest({ logger, signal }, catalogue, version.uid);
  if (manifest === undefined || folderOfHead(manifest.head) !== folder || isOlder(manifest.head, changes)) return undefined;
  return manifest.list.length === leafCount(version.size) ? { ...manifest, touched: new LeafSet(changes.leaves) } : undefined;
}

/**
 * Whether a manifest is older than the one that the database remembers: the store was rolled back.
 */
export function isOlder({ changes }: Pick<ManifestHead, 'changes'>, { written }: Pick<CatalogueChanges, 'written'>): boolean {
  return changes !== undefined && changes < written;
}

/** The same for a version of another size. */
export function resized(predecessor: Predecessor, from: Version, to: Version): Predecessor {
  if (from.sizeBytes === to.sizeBytes) return predecessor;
  const touched = new LeafSet(predecessor.touched);
  // The shorter image's last block may have another length in the longer one.
  const first = leafOfBlock(Math.max(0, Math.min(from.size, to.size) - 1));
  for (let index = first; index < leafCount(to.size); index++) touched.add(index);
  return { ...predecessor, list: predecessor.list.slice(0, leafCount(to.size)), touched };
}

/** Undefined if there is none, or if it can't be read: all that it names is written again then. */
async function readManifest(
  { logger, signal }: Pick<Context, 'logger' | 'signal'>,
  catalogue: Catalogue,
  versionUid: string,
): Promise<Omit<Predecessor, 'touched'> | undefined> {
  try {
    const head = await catalogue.readHead(versionUid, signal);
    return head === undefined ? undefined : { head, list: await catalogue.readList(head, signal) };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof BackyError)) throw error;
    logger.debug(`The manifest of version ${versionUid} can't be read, and nothing is taken from it: ${error.message}`);
    return undefined;
  }
}
