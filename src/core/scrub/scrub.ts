import { BackyError } from '../../errors.ts';
import { shareSource } from '../../io/open-io.ts';
import type { SharedSource } from '../../io/shared.ts';
import type { BlockRow } from '../../model/block.ts';
import { blocksIn, bytesIn } from '../../model/block-range.ts';
import type { TaggedVersion } from '../../model/version.ts';
import { type BadBlock, BadBlockRecorder } from '../blocks/bad-blocks.ts';
import { blockSizeOf } from '../blocks/block-size.ts';
import { checkLength } from '../blocks/check-length.ts';
import { CheckLog } from '../blocks/check-log.ts';
import { proveKeyForReading } from '../blocks/encryption-key.ts';
import { feedJobs } from '../blocks/fetch-feed.ts';
import { fetchChecked } from '../blocks/fetch-phase.ts';
import { markVersionInvalid, tryToMark } from '../blocks/marks.ts';
import { withPool } from '../blocks/with-pool.ts';
import { withShared } from '../blocks/with-shared.ts';
import type { Context } from '../context.ts';
import { Meter } from '../progress.ts';
import { checkStore } from '../store/check-store.ts';
import { DamageGuard } from '../store/damage-guard.ts';
import { checkProgress } from '../upkeep/check-progress.ts';
import type { Findings } from '../upkeep/findings.ts';
import { VersionCheck } from '../upkeep/version-check.ts';
import { isComplete } from '../versions/check-rows.ts';
import { withVersion } from '../versions/with-version.ts';

/** A version to scrub. */
export interface ScrubRequest {
  uid: string;
  /** Compare with this source as well. */
  source?: string | undefined;
  /** Percent of the blocks to check, chosen at random. */
  percent: number;
  /** Mark missing blobs, however many. */
  acceptDamage?: boolean | undefined;
  /** Check the rows of the version first, and add what is wrong with them. */
  findings?: Findings | undefined;
  /** Called with the version once it is locked. */
  onVersion?: ((version: TaggedVersion) => void) | undefined;
}

/** The outcome of a scrub. */
export interface ScrubResult {
  uid: string;
  name: string;
  snapshotName: string;
  /** Blocks. */
  size: number;
  sizeBytes: number;
  blocksChecked: number;
  bytesChecked: number;
  /** False: rows are missing, damaged, or do not fit any block. Then nothing was checked. */
  complete: boolean;
  /** Whether the version is valid now. */
  valid: boolean;
  errors: BadBlock[];
  /** Versions that are invalid now: they hold a bad block. */
  affectedVersions: string[];
  seconds: number;
}

/**
 * Checks a version's blobs (docs/spec/semantics.md §4), and sets its validity in the database
 * accordingly.
 */
export function scrub(context: Context, request: ScrubRequest): Promise<ScrubResult> {
  return withVersion(context, request.uid, 'shared', async (version) => {
    request.onVersion?.(version);
    const source = request.source === undefined ? undefined : await openSource(context, request.source, version);
    return withShared(context, source, (inner) => run(inner, { request, version, source }));
  });
}

/** A version that is locked, and the source to compare with, if any. */
interface PreparedScrub {
  request: ScrubRequest;
  version: TaggedVersion;
  source: SharedSource | undefined;
}

async function run(context: Context, prepared: PreparedScrub): Promise<ScrubResult> {
  const { meta, logger } = context;
  const { request, version } = prepared;
  const { acceptDamage } = request;
  const start = performance.now();
  const guard = new DamageGuard(context, { versionUid: version.uid, onMassDamage: 'stop', acceptDamage });
  const checks = new CheckLog(context);
  const bad = new BadBlockRecorder({ meta, logger, version, during: 'scrub', guard, checks });
  const complete = (await hasReadableRows(context, prepared)) && (await isComplete(context, version));
  const checked = complete ? await checkBlocks(context, { ...prepared, guard, checks, bad }) : { blocks: 0, bytes: 0 };
  const valid = complete ? await conclude(context, { request, version, bad }) : await markIncomplete(context, version, bad);
  return {
    uid: version.uid,
    name: version.name,
    snapshotName: version.snapshotName,
    size: version.size,
    sizeBytes: version.sizeBytes,
    blocksChecked: checked.blocks,
    bytesChecked: checked.bytes,
    complete,
    valid,
    errors: bad.found,
    affectedVersions: [...bad.affectedVersions],
    seconds: (performance.now() - start) / 1000,
  };
}

/** Checks the rows if asked to. @returns whether they can be relied on to name the blobs. */
async function hasReadableRows(context: Context, { request: { findings }, version }: PreparedScrub): Promise<boolean> {
  if (findings === undefined) return true;
  const { isReadable } = await new VersionCheck(context, version, { findings, onRows: checkProgress(context, [version]) }).run();
  findings.log();
  return isReadable;
}

/** @returns that the version is not valid. */
async function markIncomplete(context: Context, { uid }: TaggedVersion, bad: BadBlockRecorder): Promise<false> {
  await markVersionInvalid(context, uid, bad.affectedVersions);
  return false;
}

interface BlockChecks extends PreparedScrub {
  guard: DamageGuard;
  checks: CheckLog;
  bad: BadBlockRecorder;
}

/** @returns how much was checked. */
async function checkBlocks(
  context: Context,
  { request, version, source, guard, checks, bad }: BlockChecks,
): Promise<{ blocks: number; bytes: number }> {
  const { meta, settings, signal, onProgress } = context;
  const blockSize = await blockSizeOf(meta, version, settings.blockSize);
  await proveKeyForReading(context, version);
  await checkStore(context, request);
  await guard.lookAhead();
  const geometry = { blockSize, sizeBytes: version.sizeBytes };
  const checked = { blocks: 0, bytes: 0 };
  await withPool(context, { geometry, source }, async (pool) => {
    const meter = new Meter(version.size, pool, onProgress);
    meter.begin('data', 0);
    const jobs = feedJobs({
      meta,
      version,
      blockSize,
      blocksPerJob: pool.slots.blocksPerSlot,
      fromId: 0,
      classify: (row) => {
        if (!isChosen(row, request, context.random)) return 'skip';
        checked.blocks++;
        checked.bytes += row.size;
        return 'fetch';
      },
      gaps: 'skip',
      onSkipped: ({ count }) => meter.add(count, 0),
      onGap: () => {},
    });
    await fetchChecked(pool, signal, {
      ...{ jobs, bad, guard, checks },
      onDone: ({ blocks, passed }) => meter.add(blocksIn(blocks) + blocksIn(passed), bytesIn(blocks, geometry)),
    });
    await checkLength(context, { version, bad, geometry });
  });
  return checked;
}

/** Sparse blocks have no blob: only a source can differ from them. */
function isChosen(row: BlockRow, request: ScrubRequest, random: () => number): boolean {
  if (row.uid === null && request.source === undefined) return false;
  return request.percent >= 100 || random() * 100 < request.percent;
}

/** @returns whether the version is valid from now on. */
async function conclude(
  context: Context,
  { request, version, bad }: Pick<BlockChecks, 'request' | 'version' | 'bad'>,
): Promise<boolean> {
  const { meta, logger } = context;
  if (bad.hasBadBlobs) {
    logger.error(`Version is invalid because it has errors: ${version.uid}`);
    return false;
  }
  if (bad.found.length > 0)
    logger.error(`The source differs from version ${version.uid}, whose blocks are good: nothing was marked.`);
  else if (request.percent >= 100) {
    const done = await tryToMark(context, `Version ${version.uid}, whose blocks are all good,`, () =>
      meta.setVersionValid(version.uid),
    );
    if (done === undefined) return version.valid;
    logger.info(`Marked version valid: ${version.uid}`);
    return true;
  } else
    logger.info(
      `The blocks that were checked are good; a partial scrub leaves the version as it is (valid: ${version.valid ? 1 : 0}).`,
    );
  return version.valid;
}

/** A shorter source is refused: its end would look like an I/O error. */
async function openSource(context: Context, url: string, version: TaggedVersion): Promise<SharedSource> {
  const source = await shareSource(url, context.io, context);
  if (source.sizeBytes >= version.sizeBytes) return source;
  await source.close();
  throw new BackyError('io', `The source ${url} has ${source.sizeBytes} bytes, the version ${version.sizeBytes}.`, {
    data: { uid: version.uid, path: url },
    hint: 'Compare with the source that the version was made from.',
  });
}
