import type { Catalogue } from '../../data/catalogue/catalogue.ts';
import type { ManifestHead } from '../../data/catalogue/types.ts';
import { BackyError } from '../../errors.ts';
import type { Context } from '../context.ts';

/** Heads that are read at once. A bucket answers each after some 20 ms. */
const READ_AHEAD = 16;

/** The heads of a catalogue. */
export interface ReadHeads {
  /** By name, date, then uid. */
  heads: ManifestHead[];
  /** Uids of versions whose head is damaged, with the reason. */
  damaged: Map<string, string>;
}

/**
 * Reads the heads of all versions that are not marked as removed. Each damaged one is an ERROR, and
 * left out.
 */
export async function readHeads(
  { logger, signal }: Pick<Context, 'logger' | 'signal'>,
  catalogue: Catalogue,
): Promise<ReadHeads> {
  const removals = await catalogue.removals();
  const uids = (await catalogue.versionUids()).filter((uid) => !removals.has(uid));
  const heads: ManifestHead[] = [];
  const damaged = new Map<string, string>();
  const read = async (uid: string) => {
    try {
      // It may have been removed since the listing.
      const head = await catalogue.readHead(uid, signal);
      if (head !== undefined) heads.push(head);
    } catch (error) {
      const { message } = asDamage(error);
      logger.error(message);
      damaged.set(uid, message);
    }
  };
  for (let start = 0; start < uids.length; start += READ_AHEAD) {
    signal.throwIfAborted();
    await Promise.all(uids.slice(start, start + READ_AHEAD).map(read));
  }
  return { heads: heads.sort(byNameAndDate), damaged };
}

function byNameAndDate({ version: a }: ManifestHead, { version: b }: ManifestHead): number {
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  return a.date.getTime() - b.date.getTime() || (a.uid < b.uid ? -1 : 1);
}

/** Whatever is no damage to an object of the catalogue is thrown again. */
export function asDamage(error: unknown): BackyError {
  if (error instanceof BackyError && error.code === 'catalogueDamaged') return error;
  throw error;
}
