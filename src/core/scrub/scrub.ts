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
import { FetchPhase } from '../blocks/fetch-phase.ts';
import { Meter } from '../blocks/progress.ts';
import { withPool } from '../blocks/with-pool.ts';
import { withShared } from '../blocks/with-shared.ts';
import type { Context } from '../context.ts';
import { checkStore } from '../store/check-store.ts';
import { DamageGuard } from '../store/damage-guard.ts';
import { hasItsRows } from '../versions/check-rows.ts';
import { withVersion } from '../versions/with-version.ts';

/** What to scrub, and how. */
export interface ScrubRequest {
  uid: string;
  /** Compare with this source as well. */
  source?: string | undefined;
  /** Share of the blocks, chosen at random. */
  percent: number;
  /** Mark missing blobs, however many. */
  acceptDamage?: boolean | undefined;
  /** Told which version it is, once that is known. */
  onVersion?: ((version: TaggedVersion) => void) | undefined;
}

/** What a scrub found. */
export interface ScrubResult {
  uid: string;
  name: string;
  snapshotName: string;
  /** Blocks. */
  size: number;
  sizeBytes: number;
  blocksChecked: number;
  bytesChecked: number;
  /**
   * False: rows are missing, or there are others than those of its blocks, and nothing was checked.
   */
  complete: boolean;
  /** Whether the version is valid now. */
  valid: boolean;
  errors: BadBlock[];
  /** Versions that are invalid since they hold what was found bad. */
  affectedVersions: string[];
  seconds: number;
}

/** Checks a version's blobs (semantics.md, scrub), and its validity in the database accordingly. */
export async function scrub(context: Context, request: ScrubRequest): Promise<ScrubResult> {
  return withVersion(context, request.uid, 'shared', async (version) => {
    request.onVersion?.(version);
    const source = request.source === undefined ? undefined : await openSource(context, request.source, version);
    return withShared(context, source, (inner) => run(inner, { ...request, shared: source }, version));
  });
}

async function run(
  context: Context,
  request: ScrubRequest & { shared: SharedSource | undefined },
  version: TaggedVersion,
): Promise<ScrubResult> {
  const { meta, logger, settings, signal, onProgress } = context;
  const start = performance.now();
  const { acceptDamage } = request;
  const guard = new DamageGuard(context, { versionUid: version.uid, onMassDamage: 'stop', acceptDamage });
  const checks = new CheckLog(context);
  const bad = new BadBlockRecorder({ meta, logger, version, during: 'scrub', guard, checks });
  const checked = { blocks: 0, bytes: 0 };
  const resultOf = (outcome: { complete: boolean; valid: boolean }): ScrubResult => ({
    uid: version.uid,
    name: version.name,
    snapshotName: version.snapshotName,
    size: version.size,
    sizeBytes: version.sizeBytes,
    blocksChecked: checked.blocks,
    bytesChecked: checked.bytes,
    ...outcome,
    errors: bad.found,
    affectedVersions: [...bad.affectedVersions],
    seconds: (performance.now() - start) / 1000,
  });
  if (!(await hasItsRows(context, version))) {
    await meta.setVersionInvalid(version.uid);
    logger.info(`Marked version invalid (UID ${version.uid})`);
    bad.affectedVersions.add(version.uid);
    return resultOf({ complete: false, valid: false });
  }
  const blockSize = await blockSizeOf(meta, version, settings.blockSize);
  await proveKeyForReading(context, version);
  await checkStore(context, request);
  await guard.lookAhead();
  const geometry = { blockSize, sizeBytes: version.sizeBytes };
  await withPool(context, { geometry, source: request.shared }, async (pool) => {
    const meter = new Meter(version.size, pool, onProgress);
    try {
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
      const phase = new FetchPhase({
        jobs,
        onFindings: (findings, read) => bad.record(findings, read),
        onFetched: (read, findings) => {
          guard.looked(read.length);
          return checks.add(read, findings);
        },
        onDone: ({ blocks, passed }) => meter.add(blocksIn(blocks) + blocksIn(passed), bytesIn(blocks, geometry)),
      });
      await pool.run(phase);
      signal.throwIfAborted();
      await guard.settle();
      await checkLength(context, { version, bad, geometry });
    } finally {
      // What was found before a failure is marked all the same, if it can be.
      await guard.settle().catch(() => {});
      await checks.close();
    }
  });
  const valid = await conclude(context, { request, version, bad });
  return resultOf({ complete: true, valid });
}

/** Sparse blocks have nothing to check but the source. */
function isChosen(row: BlockRow, request: ScrubRequest, random: () => number): boolean {
  if (row.uid === null && request.source === undefined) return false;
  return request.percent >= 100 || random() * 100 < request.percent;
}

/** @returns whether the version is valid from now on. */
async function conclude(
  { meta, logger }: Context,
  { request, version, bad }: { request: ScrubRequest; version: TaggedVersion; bad: BadBlockRecorder },
): Promise<boolean> {
  if (bad.hasBadBlobs) {
    logger.error(`Version is invalid because it has errors: ${version.uid}`);
    return false;
  }
  if (bad.found.length > 0)
    logger.error(`The source differs from version ${version.uid}, whose blocks are good: nothing was marked.`);
  else if (request.percent >= 100) {
    await meta.setVersionValid(version.uid);
    logger.info(`Marked version valid: ${version.uid}`);
    return true;
  } else
    logger.info(
      `The blocks that were checked are good; a partial scrub leaves the version as it is (valid: ${version.valid ? 1 : 0}).`,
    );
  return version.valid;
}

/** A source of another size can't be the one; comparing would only report its end as an I/O error. */
async function openSource(context: Context, url: string, version: TaggedVersion): Promise<SharedSource> {
  const source = await shareSource(url, context.io, context);
  if (source.sizeBytes >= version.sizeBytes) return source;
  await source.close();
  throw new BackyError('io', `The source ${url} has ${source.sizeBytes} bytes, the version ${version.sizeBytes}.`, {
    hint: 'Compare with the source that the version was made from.',
  });
}
