import type { DataBackend } from '../../data/data-backend.ts';
import { BackyError } from '../../errors.ts';
import type { Context } from '../context.ts';
import { labelOf } from '../store/store-errors.ts';

/** Blobs that are judged, and deleted, together. */
const BATCH = 1_000;
/**
 * Uids that are kept from the listing until they are deleted: 100 MB. Beyond these, blobs are
 * listed again.
 */
const KEPT_UIDS = 1_000_000;
/** Fewer blobs than these that nobody removed are what killed backups leave. */
const FEW_BLOBS = 16;

/** How the full cleanup goes. */
export interface FullCleanupRequest {
  /** Only blobs whose uid starts so. */
  prefix: string;
  /**
   * The most blobs to delete that no version names and that were never marked for deletion,
   * whatever share of all they are.
   */
  yesDelete?: number | undefined;
}

/** Result of the listing, before anything is deleted. */
interface Survey {
  listed: number;
  /** Blobs that no row names. */
  unnamed: number;
  /**
   * Those of them that are no candidates for deletion: nobody has removed a version that had them.
   */
  unexpected: number;
  /** The first of the unnamed ones. */
  uids: string[];
  /**
   * The last uid that was listed while all unnamed ones were kept; undefined: that is the whole
   * listing.
   */
  resumeAfter: string | undefined;
}

/**
 * The blobs that no row names, in batches to delete. Lists all of them first, and changes nothing
 * before it is certain that the database belongs to these blobs: a BackyError `refused` when it
 * seems to have been lost or replaced, `database` when its index is damaged.
 * @param keptUids how many uids are held in memory.
 */
export async function* unnamedBlobs(
  context: Context,
  backend: DataBackend,
  request: FullCleanupRequest,
  keptUids = KEPT_UIDS,
): AsyncIterableIterator<string[]> {
  const { meta, signal } = context;
  await meta.verifyUidIndex(signal);
  const survey = await takeSurvey(context, backend, { prefix: request.prefix, keptUids });
  await judge(context, request, survey);
  // Before blobs are judged for good: a backup that its locks do not keep apart from this looks at
  // its own blobs then.
  await meta.countFullCleanup();
  for (let start = 0; start < survey.uids.length; start += BATCH) {
    // Asked again: a row may have come to name one since.
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

async function judge({ meta, data }: Context, { prefix, yesDelete }: FullCleanupRequest, survey: Survey): Promise<void> {
  const { listed, unexpected } = survey;
  if (unexpected === 0 || (yesDelete !== undefined && unexpected <= yesDelete)) return;
  const isLost = !(await meta.namesBlobs());
  const isMost = unexpected >= FEW_BLOBS && unexpected * 2 > listed;
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
        'Was the database lost or replaced? Then bring it back from a backup, or import the exports. ' +
        `If these blobs are really of no use: backy2 cleanup --full${prefix === '' ? '' : ` -p ${prefix}`} --yes-delete ${unexpected}`,
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
