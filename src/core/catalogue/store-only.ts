import type { Catalogue } from '../../data/catalogue/catalogue.ts';
import type { Context } from '../context.ts';

/** Versions that a catalogue has, and that the database does not have like that. */
export interface UnknownVersions {
  /** The database lacks them, and nothing has recorded their removal. */
  lacking: string[];
  /** The database is from before they were whole: it has a part of their blocks. */
  unfinished: string[];
}

/** Uids of versions that only the catalogue has, or has whole. Two listings. */
export async function unknownVersions({ meta }: Pick<Context, 'meta'>, catalogue: Catalogue): Promise<UnknownVersions> {
  const uids = await catalogue.versionUids();
  if (uids.length === 0) return { lacking: [], unfinished: [] };
  const begun = new Set(await meta.versionsBeforeManifest());
  // Removals last: what is removed in between has left the database before its marker was there.
  const known = new Set((await meta.listVersions({})).map(({ uid }) => uid));
  const recorded = (await meta.removedManifests()).map(({ versionUid }) => versionUid);
  const unknown = uids.filter((uid) => begun.has(uid) || !known.has(uid));
  if (unknown.length === 0) return { lacking: [], unfinished: [] };
  const removed = new Set([...recorded, ...(await catalogue.removals()).keys()]);
  const lacking = unknown.filter((uid) => !known.has(uid) && !removed.has(uid));
  return { lacking, unfinished: unknown.filter((uid) => known.has(uid) && !removed.has(uid)) };
}
