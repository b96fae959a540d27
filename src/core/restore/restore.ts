import { BackyError } from '../../errors.ts';
import { shareTarget } from '../../io/open-io.ts';
import type { SharedTarget } from '../../io/shared.ts';
import { type BlockRange, blocksIn, bytesIn } from '../../model/block-range.ts';
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
import { refuseInstallationTarget } from '../files/installation-files.ts';
import { checkStore } from '../store/check-store.ts';
import { DamageGuard } from '../store/damage-guard.ts';
import { findStrayRows } from '../versions/check-rows.ts';
import { withVersion } from '../versions/with-version.ts';
import { Contiguous } from './contiguous.ts';

/** What to restore, and how. */
export interface RestoreRequest {
  uid: string;
  target: string;
  /** Leave zero blocks of the target as they are. */
  sparse: boolean;
  /** Overwrite an existing target. */
  force: boolean;
  /** Skip blocks with lower ids. */
  fromId: number;
  /** Go on with a store whose id and blobs are gone. */
  acceptDamage?: boolean | undefined;
  /** Told the highest block up to which everything is on the target (below 0: none yet), as blocks are done. MUST be cheap. */
  onLastId?: ((id: number) => void) | undefined;
}

/** What a restore did. */
export interface RestoreResult {
  uid: string;
  name: string;
  snapshotName: string;
  target: string;
  /** Blocks: the sum of those restored, sparse, skipped and bad. */
  size: number;
  sizeBytes: number;
  /** Read from their blobs, found good, and written. */
  blocksRestored: number;
  bytesRestored: number;
  /** All zero. */
  blocksSparse: number;
  /** Below `fromId`. */
  blocksSkipped: number;
  /** Whether the database has exactly the rows of the version's blocks. */
  complete: boolean;
  /** Wrong or missing on the target. */
  blocksBad: number;
  errors: BadBlock[];
  /** Versions that are invalid since they hold what was found bad. */
  affectedVersions: string[];
  seconds: number;
}

/** Restores a version to a target (semantics.md, restore). Bad blocks do not stop it: they are reported, and in the result. */
export async function restore(context: Context, request: RestoreRequest): Promise<RestoreResult> {
  return withVersion(context, request.uid, 'shared', async (version) => {
    checkFirstBlock(request.fromId, version);
    await refuseInstallationTarget(request.target, context);
    if (!version.valid)
      context.logger.warning(`Version ${version.uid} is invalid: some of its blocks are known to be bad or missing.`);
    const blockSize = await blockSizeOf(context.meta, version, context.settings.blockSize);
    await proveKeyForReading(context, version);
    await checkStore(context, request);
    const guard = new DamageGuard(context, { versionUid: version.uid, onMassDamage: 'goOn', acceptDamage: request.acceptDamage });
    await guard.lookAhead();
    const how = {
      sizeBytes: version.sizeBytes,
      force: request.force,
      resumes: request.fromId > 0,
      options: context.io,
    };
    const target = await shareTarget(request.target, how, context);
    return withShared(context, target, (inner) => run(inner, { request, version, blockSize, target, guard }));
  });
}

/** More than all blocks can't have been restored before: it was of another version. */
function checkFirstBlock(fromId: number, { uid, size }: TaggedVersion): void {
  if (fromId <= size) return;
  throw new BackyError('usage', `restore: -c ${fromId} is more than the ${size} blocks of version ${uid}.`, {
    hint: `Give "Last ID" of the restore of this version that stopped, or leave -c out.`,
  });
}

async function run(
  context: Context,
  {
    request,
    version,
    blockSize,
    target,
    guard,
  }: { request: RestoreRequest; version: TaggedVersion; blockSize: number; target: SharedTarget; guard: DamageGuard },
): Promise<RestoreResult> {
  const { meta, logger, signal, onProgress } = context;
  const start = performance.now();
  const writesZeros = !request.sparse && !target.isNew;
  const checks = new CheckLog(context);
  const bad = new BadBlockRecorder({ meta, logger, version, during: 'restore', guard, checks });
  const contiguous = new Contiguous(request.fromId);
  request.onLastId?.(contiguous.last);
  let missing = 0;
  const { stray } = await findStrayRows(context, version);
  const fetched = { blocks: 0, bytes: 0 };
  const geometry = { blockSize, sizeBytes: version.sizeBytes };
  await withPool(context, { geometry, target, zeroMissing: writesZeros }, async (pool) => {
    const meter = new Meter(version.size, pool, onProgress);
    const done = (moved: readonly BlockRange[], passed: readonly BlockRange[]) => {
      for (const range of [...moved, ...passed]) contiguous.done(range);
      request.onLastId?.(contiguous.last);
      meter.lastId = contiguous.last;
      meter.add(blocksIn(moved) + blocksIn(passed), bytesIn(moved, geometry));
    };
    try {
      meter.lastId = contiguous.last;
      meter.begin('data', Math.min(request.fromId, version.size));
      const jobs = feedJobs({
        meta,
        version,
        blockSize,
        blocksPerJob: pool.slots.blocksPerSlot,
        fromId: request.fromId,
        classify: ({ uid, size }) => {
          if (uid === null) return writesZeros ? 'zero' : 'skip';
          fetched.blocks++;
          fetched.bytes += size;
          return 'fetch';
        },
        gaps: writesZeros ? 'zero' : 'skip',
        onSkipped: (range) => done([], [range]),
        onGap: ({ first, count }) => {
          logger.error(`Blocks ${first} to ${first + count - 1} are missing from version ${version.uid}: it is incomplete.`);
          missing += count;
          bad.found.push({ id: first, count, uid: null, problem: 'missing', is: 'no row', shouldBe: null });
        },
      });
      await pool.run(
        new FetchPhase({
          jobs,
          onFindings: (findings, read) => bad.record(findings, read),
          onFetched: (read, findings) => {
            guard.looked(read.length);
            return checks.add(read, findings);
          },
          onDone: ({ blocks, passed }) => done(blocks, passed),
        }),
      );
      signal.throwIfAborted();
      await pool.flush();
      await guard.settle();
      await checkLength(context, { version, bad, geometry });
    } catch (error) {
      throw withWayOn(signal.aborted ? signal.reason : error, request, contiguous.last);
    } finally {
      // What was found before a failure is marked all the same, if it can be.
      await guard.settle().catch(() => {});
      await checks.close();
    }
  });
  if (missing + stray > 0) {
    await meta.setVersionInvalid(version.uid);
    bad.affectedVersions.add(version.uid);
  }
  const blocksBad = bad.found.reduce((sum, { count }) => sum + count, 0);
  if (blocksBad > 0) {
    logger.error(`${blocksBad} of ${version.size} blocks are wrong or missing on ${request.target}. All others are restored.`);
  }
  const blocksSkipped = Math.min(request.fromId, version.size);
  return {
    uid: version.uid,
    name: version.name,
    snapshotName: version.snapshotName,
    target: request.target,
    size: version.size,
    sizeBytes: version.sizeBytes,
    blocksRestored: fetched.blocks - (blocksBad - missing),
    bytesRestored: fetched.bytes - bad.bytes,
    blocksSparse: version.size - blocksSkipped - fetched.blocks - missing,
    blocksSkipped,
    complete: missing + stray === 0,
    blocksBad,
    errors: bad.found,
    affectedVersions: [...bad.affectedVersions],
    seconds: (performance.now() - start) / 1000,
  };
}

/** A restore that stopped half way can go on where everything before is on the target. */
function withWayOn(error: unknown, { uid, target }: RestoreRequest, lastId: number): unknown {
  if (!(error instanceof BackyError)) return error;
  const wayOn = `The target is incomplete. Go on with: backy2 restore -f -c ${Math.max(0, lastId)} ${uid} ${target}`;
  return new BackyError(error.code, error.message, {
    exitCode: error.exitCode,
    hint: error.hint === undefined ? wayOn : `${error.hint} ${wayOn}`,
    cause: error,
  });
}
