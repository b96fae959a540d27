import type { Catalogue } from '../../data/catalogue/catalogue.ts';
import type { ManifestHead } from '../../data/catalogue/types.ts';
import { BackyError } from '../../errors.ts';
import type { Context } from '../context.ts';
import { ListedBlobs } from './listed-blobs.ts';
import { ManifestRows } from './manifest-rows.ts';
import { unknownVersions } from './store-only.ts';

/** Versions that a warning names. */
const NAMED = 5;

/**
 * Whether a blob must stay although no version of the database names it. MAY be true for others.
 */
export type IsKept = (uid: string) => boolean;

/**
 * Finds the blobs of versions that the catalogue has and the database lacks, or has only in part,
 * without a recorded removal: the database may be an old copy. Logs a warning about each kind.
 * Costs two listings if there are none, else their manifests are read.
 * @throws BackyError `refused` if one of them can't be read.
 */
export async function guardManifests(context: Context, catalogue: Catalogue): Promise<IsKept | undefined> {
  const { lacking, unfinished } = await unknownVersions(context, catalogue);
  if (lacking.length + unfinished.length === 0) return undefined;
  const blobs = await ListedBlobs.none();
  const addAll = async (uids: readonly string[]) => {
    const names: string[] = [];
    for (const uid of uids) {
      const head = await addBlobs(context, catalogue, { uid, blobs });
      if (head !== undefined) names.push(`${uid} (${head.version.name})`);
    }
    return names;
  };
  const [absent, partial] = [await addAll(lacking), await addAll(unfinished)];
  if (absent.length > 0) {
    context.logger.warning(
      `The catalogue has versions that the database lacks: ${someOf(absent)}. Their blobs are kept. ` +
        'To bring them in: backy2 catalogue --adopt; to give one up: backy2 catalogue --forget UID',
    );
  }
  if (partial.length > 0) {
    context.logger.warning(
      `The catalogue has whole versions that the database has only in part: ${someOf(partial)}. Their blobs are kept. ` +
        'To bring one in: backy2 rm UID, then backy2 catalogue --adopt UID',
    );
  }
  return absent.length + partial.length === 0 ? undefined : (uid) => blobs.has(uid);
}

function someOf(names: readonly string[]): string {
  return names.slice(0, NAMED).join(', ') + (names.length > NAMED ? `, … (${names.length} in all)` : '');
}

/** @returns undefined if the manifest has gone meanwhile. */
async function addBlobs(
  { signal }: Context,
  catalogue: Catalogue,
  { uid, blobs }: { uid: string; blobs: ListedBlobs },
): Promise<ManifestHead | undefined> {
  try {
    const head = await catalogue.readHead(uid, signal);
    if (head === undefined) return undefined;
    const rows = new ManifestRows(catalogue, head, signal);
    for await (const row of rows) if (row.uid !== null) blobs.add(row.uid);
    if (rows.lost === undefined) return head;
    throw unreadable(uid, rows.lost.reason);
  } catch (error) {
    if (!(error instanceof BackyError) || !['catalogueDamaged', 'encryption'].includes(error.code)) throw error;
    throw unreadable(uid, error.message, error);
  }
}

function unreadable(uid: string, reason: string, cause?: BackyError): BackyError {
  return new BackyError(
    'refused',
    `The database lacks version ${uid} of the catalogue, or parts of it, and the list of its blobs can't be read: ${reason} Nothing was deleted.`,
    { data: { uid }, hint: `Mend that first. If the version is not needed: backy2 catalogue --forget ${uid}`, cause },
  );
}
