import { shareSource } from '../../io/open-io.ts';
import type { SharedSource } from '../../io/shared.ts';
import type { Geometry } from '../../model/geometry.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { BadBlock } from '../blocks/bad-blocks.ts';
import { blockSizeOf } from '../blocks/block-size.ts';
import { proveKeyForWriting } from '../blocks/encryption-key.ts';
import { validateHealed, validateProbed } from '../blocks/validate-healed.ts';
import { withPool } from '../blocks/with-pool.ts';
import { withShared } from '../blocks/with-shared.ts';
import type { Context } from '../context.ts';
import { Meter } from '../progress.ts';
import { checkStore, confirmMounted } from '../store/check-store.ts';
import { DamageGuard } from '../store/damage-guard.ts';
import { isComplete } from '../versions/check-rows.ts';
import { findVersion } from '../versions/find-version.ts';
import { withVersion } from '../versions/with-version.ts';
import { RepairPhase } from './repair-phase.ts';

/** A version to repair. */
export interface RepairRequest {
  uid: string;
  /** The source of the version, or a copy of it. */
  source: string;
  /** Continue although many other blobs of the version are missing. */
  acceptDamage?: boolean | undefined;
  /** Called with the version once it is locked. */
  onVersion?: ((version: TaggedVersion) => void) | undefined;
}

/** The outcome of a repair. */
export interface RepairResult {
  uid: string;
  name: string;
  snapshotName: string;
  source: string;
  /** Blocks. */
  size: number;
  sizeBytes: number;
  /** False: rows are missing or wrong, which no source can repair. */
  complete: boolean;
  /** Blocks of this version that were known to be bad. */
  blocksBad: number;
  /** Those of them that have a good blob again. */
  blocksMended: number;
  /** Block rows of other versions that got such a blob, too. */
  blocksMendedElsewhere: number;
  /** New blobs. */
  blobsWritten: number;
  /** Whether the version is valid now. */
  valid: boolean;
  /** Versions that are valid again, this one included. */
  versionsMended: string[];
  /** Blocks whose data the source does not have. */
  errors: BadBlock[];
  seconds: number;
}

/**
 * Repairs the bad blocks of a version, and those of other versions with the same content, from a
 * source. Reads only bad blocks, and uses only data with the block's checksum. The version may be
 * read meanwhile, but not removed.
 */
export async function repair(context: Context, request: RepairRequest): Promise<RepairResult> {
  return withVersion(context, request.uid, 'shared', async (version) => {
    const start = performance.now();
    request.onVersion?.(version);
    const complete = await isComplete(context, version);
    const source = await shareSource(request.source, context.io, context);
    // The source need not be verified: blocks are taken only if their checksum is right.
    const phase = await withShared(context, source, (inner) => repairBlocks(inner, { request, version, source }));
    if (!complete)
      context.logger.error(
        `Version is incomplete: ${version.uid} lacks rows of blocks, or has wrong ones. No source can repair that.`,
      );
    const healing = { blocks: phase.healing.blocks, versions: [...new Set([version.uid, ...phase.healing.versions])] };
    const versionsMended =
      healing.blocks > 0 ? await validateHealed(context, healing) : await validateProbed(context, [version.uid]);
    const { valid } = await findVersion(context.meta, version.uid);
    logOutcome(context, { version, phase, valid, complete });
    return {
      uid: version.uid,
      name: version.name,
      snapshotName: version.snapshotName,
      source: request.source,
      size: version.size,
      sizeBytes: version.sizeBytes,
      complete,
      blocksBad: phase.blocksBad,
      blocksMended: phase.blocksMended,
      blocksMendedElsewhere: Math.max(0, phase.healing.blocks - phase.blocksMended),
      blobsWritten: phase.blobsWritten,
      valid,
      versionsMended,
      errors: phase.errors,
      seconds: (performance.now() - start) / 1000,
    };
  });
}

/** A version that is locked, and its source. */
interface PreparedRepair {
  request: RepairRequest;
  version: TaggedVersion;
  source: SharedSource;
}

/** @returns the phase, which has counted what it did. */
async function repairBlocks(context: Context, { request, version, source }: PreparedRepair): Promise<RepairPhase> {
  const { meta, logger, settings, signal, onProgress } = context;
  const { acceptDamage } = request;
  const blockSize = await blockSizeOf(meta, version, settings.blockSize);
  const readable = readableBytes(source, { blockSize, sizeBytes: version.sizeBytes });
  await proveKeyForWriting(context);
  await checkStore(context, { acceptDamage });
  await new DamageGuard(context, { versionUid: version.uid, onMassDamage: 'stop', acceptDamage }).lookAhead();
  return withPool(context, { geometry: { blockSize, sizeBytes: readable }, source }, async (pool) => {
    const meter = new Meter(version.size, pool, onProgress);
    const phase = new RepairPhase({
      pool,
      meta,
      logger,
      version,
      blockSize,
      readable,
      encVersion: settings.encryption.version,
      confirmStore: () => confirmMounted(context),
      meter,
    });
    meter.begin('data', 0);
    await phase.run();
    signal.throwIfAborted();
    meter.add(version.size - meter.doneBlocks, 0);
    return phase;
  });
}

/**
 * Bytes of the source that hold whole blocks of the version. A shorter source may have most of
 * them.
 */
function readableBytes(source: SharedSource, { blockSize, sizeBytes }: Geometry): number {
  return source.sizeBytes >= sizeBytes ? sizeBytes : Math.floor(source.sizeBytes / blockSize) * blockSize;
}

interface Outcome {
  version: TaggedVersion;
  phase: RepairPhase;
  /** Whether the version is valid now. */
  valid: boolean;
  /** Whether it has all its rows. */
  complete: boolean;
}

function logOutcome({ logger }: Context, { version, phase, valid, complete }: Outcome): void {
  const { blocksBad, blocksMended, errors } = phase;
  if (blocksBad === 0) logger.info(`Version ${version.uid} has no block that is known to be bad.`);
  else logger.info(`Mended ${blocksMended} of ${blocksBad} bad blocks of version ${version.uid}.`);
  if (errors.length > 0)
    logger.error(`The source does not have the data of ${errors.length} bad blocks of version ${version.uid}: it stays invalid.`);
  else if (!valid && complete)
    logger.error(`Version ${version.uid} is still invalid: find out why with: backy2 scrub ${version.uid}`);
}
