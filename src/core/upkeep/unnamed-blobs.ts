import type { DataBackend } from '../../data/data-backend.ts';
import { BackyError } from '../../errors.ts';
import type { Context } from '../context.ts';
import { labelOf } from '../store/store-errors.ts';
import { searchProgress } from './search-progress.ts';

/** Blobs that are looked up and deleted together. */
const BATCH = 1_000;
/**
 * Uids of the listing that are kept in memory until they are deleted: 100 MB. Blobs after these are
 * listed again.
 */
const MAX_KEPT_UIDS = 1_000_000;
/** A smaller number of unexpected blobs may come from killed backups. */
const SUSPICIOUS_BLOBS = 16;

/** Which blobs a full cleanup deletes. */
export interface FullCleanupRequest {
  /** Delete only blobs whose uid starts with this. */
  prefix: string;
  /**
   * Maximum of blobs to delete that no version names and no removed version had, whatever their
   * share.
   */
  yesDelete?: number | undefined;
}

/** Result of listing all blobs, before anything is deleted. */
interface Survey {
  listed: number;
  /** Blobs that no row names. */
  unnamed: number;
  /** Unnamed blobs that are no candidates for deletion: no removed version had them. */
  unexpected: number;
  /** The first unnamed blobs. */
  uids: string[];
  /** The last listed uid before `uids` was full; undefined when `uids` has all unnamed blobs. */
  resumeAfter: string | undefined;
}

/**
 * Yields the blobs that no row names, in batches to delete. Lists all blobs first to make sure that
 * the database belongs to them. Throws a BackyError: `refused` when the database seems lost or
 * replaced, `database` when its index is damaged.
 * @param keptUids maximum of uids in memory.
 */
export async function* unnamedBlobs(
  context: Context,
  backend: DataBackend,
  request: FullCleanupRequest,
  keptUids = MAX_KEPT_UIDS,
): AsyncIterableIterator<string[]> {
  const { meta } = context;
  await meta.prepareFullCleanup(searchProgress(context));
  const survey = await takeSurvey(context, backend, { prefix: request.prefix, keptUids });
  await refuseForeignBlobs(context, request, survey);
  // Counted before the final lookups. A backup that runs despite the locks then checks its own
  // blobs.
  await meta.countFullCleanup();
  for (let start = 0; start < survey.uids.length; start += BATCH) {
    // Looked up again, since a new row may name one by now.
    yield await meta.unnamed(survey.uids.slice(start, start + BATCH));
  }
  if (survey.resumeAfter === undefined) return;
  for await (const batch of batchesOf(backend.list(request.prefix, survey.resumeAfter))) yield await meta.unnamed(batch);
}

async function takeSurvey(
  { meta, signal }: Context,
  backend: DataBackend,
  { prefix, keptUids }: { prefix: string; keptUids: number },
): Promise<Survey> {
  const survey: Survey = { listed: 0, unnamed: 0, unexpected: 0, uids: [], resumeAfter: undefined };
  let isFull = false;
  for await (const batch of batchesOf(backend.list(prefix))) {
    signal.throwIfAborted();
    const unnamed = await meta.unnamed(batch);
    survey.listed += batch.length;
    survey.unnamed += unnamed.length;
    survey.unexpected += unnamed.length - (unnamed.length === 0 ? 0 : (await meta.candidatesAmong(unnamed)).length);
    if (isFull) continue;
    for (const uid of unnamed) survey.uids.push(uid);
    isFull = survey.uids.length >= keptUids;
    if (isFull) survey.resumeAfter = batch.at(-1);
  }
  return survey;
}

/** Refuses to delete blobs that may belong to a database that was lost. */
async function refuseForeignBlobs(
  { meta, data }: Context,
  { prefix, yesDelete }: FullCleanupRequest,
  survey: Survey,
): Promise<void> {
  const { listed, unexpected } = survey;
  if (unexpected === 0 || (yesDelete !== undefined && unexpected <= yesDelete)) return;
  const isLost = !(await meta.namesBlobs());
  const isMost = unexpected >= SUSPICIOUS_BLOBS && unexpected * 2 > listed;
  if (yesDelete === undefined && !isLost && !isMost) return;
  const where = `${labelOf(data.backend)}${prefix === '' ? '' : ` whose uid starts with ${prefix}`}`;
  const why = isLost
    ? 'The database names no blob at all, so it may not be the one that these blobs belong to.'
    : 'No version names them, and no removed version had them.';
  throw new BackyError(
    'refused',
    `cleanup --full would delete ${unexpected} of the ${listed} blobs in ${where}. ${why} Nothing was deleted.`,
    {
      hint:
        'If the database was lost or replaced, restore it from a backup or import the exports. ' +
        `If these blobs are not needed: backy2 cleanup --full${prefix === '' ? '' : ` -p ${prefix}`} --yes-delete ${unexpected}`,
    },
  );
}

async function* batchesOf(uids: AsyncIterable<string>): AsyncIterableIterator<string[]> {
  let batch: string[] = [];
  for await (const uid of uids) {
    if (batch.push(uid) < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
