import { v1 as uuid1 } from 'uuid';
import { BackyError } from '../../errors.ts';
import type { Lock } from '../../locking/lock.ts';
import { Bitmap } from '../../model/bitmap.ts';
import type { Geometry } from '../../model/geometry.ts';
import type { TaggedVersion } from '../../model/version.ts';
import { readMissing } from '../backup/take-over.ts';
import { type BadBlock, BadBlockRecorder } from '../blocks/bad-blocks.ts';
import { blockSizeOf } from '../blocks/block-size.ts';
import { proveKeyForReading, proveKeyForWriting } from '../blocks/encryption-key.ts';
import { Meter } from '../blocks/progress.ts';
import { withPool } from '../blocks/with-pool.ts';
import type { Context } from '../context.ts';
import { checkStore, confirmMounted } from '../store/check-store.ts';
import { CleanupWatch } from '../store/cleanup-watch.ts';
import { DamageGuard } from '../store/damage-guard.ts';
import { verifyKeptBlobs } from '../store/verify-reused-blobs.ts';
import { findVersion } from '../versions/find-version.ts';
import { lockVersion } from '../versions/locks.ts';
import { withVersion } from '../versions/with-version.ts';
import { RecodePhase } from './recode-phase.ts';

/** What to migrate. */
export interface MigrationRequest {
  uid: string;
  /** Told which version the copy is, as soon as it exists. */
  onVersion?: ((version: TaggedVersion) => void) | undefined;
}

/** What a migration did. */
export interface MigrationResult {
  /** The new version. */
  uid: string;
  originUid: string;
  encryptionVersion: number;
  tags: string[];
  /** Blocks. */
  size: number;
  /** Blobs that were made. */
  blocksWritten: number;
  /** Blocks whose blob of the new encryption version was there already. */
  blocksReused: number;
  /** Blocks of the old version that are bad. The new one then stays invalid. */
  errors: BadBlock[];
  seconds: number;
}

/**
 * Copies a version to blobs of the configured encryption version (semantics.md, rekey and migrate-encryption). One that was stopped, or that found
 * bad blocks, is gone on with by the next call.
 */
export async function migrateEncryption(context: Context, request: MigrationRequest): Promise<MigrationResult> {
  return withVersion(context, request.uid, 'shared', async (origin, held) => {
    if (!origin.valid)
      context.logger.warning(`Version ${origin.uid} is invalid: some of its blocks are known to be bad or missing.`);
    const blockSize = await blockSizeOf(context.meta, origin, context.settings.blockSize);
    await proveKeyForReading(context, origin);
    await proveKeyForWriting(context);
    await checkStore(context);
    const guard = new DamageGuard(context, { versionUid: origin.uid, onMassDamage: 'stop' });
    await guard.lookAhead();
    const copy = await openCopy(context, origin, held);
    request.onVersion?.(copy);
    return run(context, { origin, copy, guard, geometry: { blockSize, sizeBytes: origin.sizeBytes } });
  });
}

/** The version that an earlier call left unfinished, or a new one. */
async function openCopy({ meta, locks, logger, settings }: Context, origin: TaggedVersion, held: Lock[]): Promise<TaggedVersion> {
  const migration = { originUid: origin.uid, encVersion: settings.encryption.version };
  const unfinished = await meta.findMigration(migration);
  const uid = unfinished ?? uuid1();
  held.push(await lockVersion(locks, uid, 'exclusive'));
  if (unfinished === undefined) {
    const tags = [...new Set([...origin.tags, `migrated-encryption-to-${migration.encVersion}`])];
    const { name, snapshotName, size, sizeBytes, expire } = origin;
    await meta.createVersion({ uid, name, snapshotName, size, sizeBytes, expire, tags, migration });
  } else logger.info(`Going on with version ${uid}, which an earlier migration did not finish.`);
  return findVersion(meta, uid);
}

async function run(
  context: Context,
  { origin, copy, guard, geometry }: { origin: TaggedVersion; copy: TaggedVersion; guard: DamageGuard; geometry: Geometry },
): Promise<MigrationResult> {
  const { meta, logger, settings, signal } = context;
  const start = performance.now();
  const encVersion = settings.encryption.version;
  const bad = new BadBlockRecorder({ meta, logger, version: origin, during: 'migration', guard });
  const counts = { blocksWritten: 0, blocksReused: 0 };
  await withPool(context, { geometry }, async (pool) => {
    const meter = new Meter(origin.size, pool, context.onProgress);
    try {
      const cleanups = await CleanupWatch.begin(context);
      for (;;) {
        // What is there stays, but for blocks that were found bad since.
        await meta.discardBadBlocks(copy.uid, geometry);
        const todo = new Bitmap(origin.size);
        await readMissing(meta, { versionUid: copy.uid, read: todo, range: { first: 0, count: origin.size } });
        const left = todo.count();
        logger.info(
          `Migration to encryption version ${encVersion} for version ${origin.uid} to new version ${copy.uid}, ${origin.size - left}/${origin.size} blocks done.`,
        );
        meter.begin('data', origin.size - left);
        const phase = new RecodePhase({
          pool,
          meta,
          logger,
          origin,
          copyUid: copy.uid,
          geometry,
          encVersion,
          todo,
          bad,
          confirmStore: () => confirmMounted(context),
          findMissing: (rows) => cleanups.findMissing(rows),
          onBlock: (sizeBytes, outcome) => {
            meter.add(Math.sign(sizeBytes), sizeBytes);
            if (outcome === 'written') counts.blocksWritten++;
            if (outcome === 'reused') counts.blocksReused += Math.sign(sizeBytes);
          },
        });
        await phase.run(signal);
        signal.throwIfAborted();
        await guard.settle();
        await cleanups.markMissing(copy.uid);
        if (bad.found.length > 0) break;
        // An earlier call may have begun it.
        const kept = { versionUid: copy.uid, blocksKept: counts.blocksReused, isContinued: true };
        await verifyKeptBlobs(context, { ...kept, acceptDamage: undefined });
        if (await meta.finishBackup(copy, undefined)) break;
      }
    } catch (error) {
      throw withWayOn(signal.aborted ? signal.reason : error, origin.uid);
    } finally {
      // What was found before a failure is marked all the same, if it can be.
      await guard.settle().catch(() => {});
    }
  });
  if (bad.found.length > 0) {
    const wrong = bad.found.reduce((sum, { count }) => sum + count, 0);
    logger.error(`${wrong} of ${origin.size} blocks of version ${origin.uid} are bad: version ${copy.uid} stays invalid.`);
  }
  return {
    uid: copy.uid,
    originUid: origin.uid,
    encryptionVersion: encVersion,
    tags: copy.tags,
    size: origin.size,
    ...counts,
    errors: bad.found,
    seconds: (performance.now() - start) / 1000,
  };
}

function withWayOn(error: unknown, uid: string): unknown {
  if (!(error instanceof BackyError)) return error;
  const wayOn = `What is done stays; the new version is invalid. Go on with: backy2 migrate-encryption ${uid}`;
  return new BackyError(error.code, error.message, {
    exitCode: error.exitCode,
    hint: error.hint === undefined ? wayOn : `${error.hint} ${wayOn}`,
    cause: error,
  });
}
