import { v1 as uuid1 } from 'uuid';
import type { WorkerPool } from '../../engine/pool/worker-pool.ts';
import type { Lock } from '../../locking/lock.ts';
import { Bitmap } from '../../model/bitmap.ts';
import type { Geometry } from '../../model/geometry.ts';
import type { TaggedVersion } from '../../model/version.ts';
import { type BadBlock, BadBlockRecorder } from '../blocks/bad-blocks.ts';
import { blockSizeOf } from '../blocks/block-size.ts';
import { proveKeyForReading, proveKeyForWriting } from '../blocks/encryption-key.ts';
import { settlingFindings } from '../blocks/fetch-phase.ts';
import { addMissingBlocks } from '../blocks/present-blocks.ts';
import { withResumeHint } from '../blocks/resume-hint.ts';
import { withPool } from '../blocks/with-pool.ts';
import { BackupManifest } from '../catalogue/backup-manifest.ts';
import type { Context } from '../context.ts';
import { Meter } from '../progress.ts';
import { checkStore, confirmMounted } from '../store/check-store.ts';
import { CleanupWatch } from '../store/cleanup-watch.ts';
import { DamageGuard } from '../store/damage-guard.ts';
import { verifyReusedBlobs } from '../store/verify-reused-blobs.ts';
import { findVersion } from '../versions/find-version.ts';
import { lockVersion } from '../versions/locks.ts';
import { withVersion } from '../versions/with-version.ts';
import { RecodePhase } from './recode-phase.ts';

/** A version to migrate. */
export interface MigrationRequest {
  uid: string;
  /** Called with the copy as soon as it exists. */
  onVersion?: ((version: TaggedVersion) => void) | undefined;
}

/** The outcome of a migration. */
export interface MigrationResult {
  /** The new version. */
  uid: string;
  originUid: string;
  encryptionVersion: number;
  tags: string[];
  /** Blocks. */
  size: number;
  /** New blobs. */
  blocksWritten: number;
  /** Blocks whose blob of the new encryption version was there already. */
  blocksReused: number;
  /** Bad blocks of the old version. If there are any, the new one stays invalid. */
  errors: BadBlock[];
  seconds: number;
}

/**
 * Copies a version to blobs of the configured encryption version (docs/spec/semantics.md, rekey and
 * migrate-encryption). A migration that was stopped, or found bad blocks, is resumed by the next
 * one.
 */
export function migrateEncryption(context: Context, request: MigrationRequest): Promise<MigrationResult> {
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

/** Opens the copy that an earlier migration did not finish, or makes a new one. */
async function openCopy({ meta, locks, logger, settings }: Context, origin: TaggedVersion, held: Lock[]): Promise<TaggedVersion> {
  const migration = { originUid: origin.uid, encVersion: settings.encryption.version };
  const unfinished = await meta.findMigration(migration);
  const uid = unfinished ?? uuid1();
  held.push(await lockVersion(locks, uid, 'exclusive'));
  if (unfinished === undefined) {
    const tags = [...new Set([...origin.tags, `migrated-encryption-to-${migration.encVersion}`])];
    const { name, snapshotName, size, sizeBytes, expire } = origin;
    await meta.createVersion({ uid, name, snapshotName, size, sizeBytes, expire, tags, migration });
  } else logger.info(`Resuming version ${uid}, which an earlier migration did not finish.`);
  return findVersion(meta, uid);
}

/** Two versions that are locked: the old one and its copy. */
interface PreparedMigration {
  origin: TaggedVersion;
  copy: TaggedVersion;
  geometry: Geometry;
  guard: DamageGuard;
}

async function run(context: Context, prepared: PreparedMigration): Promise<MigrationResult> {
  const { meta, logger, settings, signal } = context;
  const { origin, copy, geometry, guard } = prepared;
  const start = performance.now();
  const bad = new BadBlockRecorder({ meta, logger, version: origin, during: 'migration', guard });
  const counts = await withResumeHint(
    signal,
    () => resumeHint(origin),
    () => withPool(context, { geometry }, (pool) => recodeBlocks(context, { ...prepared, pool, bad })),
  );
  if (bad.count > 0)
    logger.error(`${bad.count} of ${origin.size} blocks of version ${origin.uid} are bad: version ${copy.uid} stays invalid.`);
  return {
    uid: copy.uid,
    originUid: origin.uid,
    encryptionVersion: settings.encryption.version,
    tags: copy.tags,
    size: origin.size,
    ...counts,
    errors: bad.found,
    seconds: (performance.now() - start) / 1000,
  };
}

interface Recoding extends PreparedMigration {
  pool: WorkerPool;
  bad: BadBlockRecorder;
}

type RecodeCounts = Pick<MigrationResult, 'blocksWritten' | 'blocksReused'>;

/** Gives the copy all its blocks, and makes it valid unless blocks of the origin are bad. */
async function recodeBlocks(context: Context, recoding: Recoding): Promise<RecodeCounts> {
  const { meta, logger, settings, signal, onProgress } = context;
  const { origin, copy, geometry, guard, pool, bad } = recoding;
  const counts: RecodeCounts = { blocksWritten: 0, blocksReused: 0 };
  const meter = new Meter(origin.size, pool, onProgress);
  const cleanups = await CleanupWatch.begin(context);
  const manifest = await BackupManifest.begin(context, { version: copy });
  return settlingFindings({ guard, bad }, async () => {
    for (;;) {
      const todo = await planBlocks(context, recoding);
      meter.begin('data', origin.size - todo.count());
      const phase = new RecodePhase({
        ...{ pool, meta, logger, origin, copyUid: copy.uid, geometry, todo, bad },
        encVersion: settings.encryption.version,
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
      await bad.settle();
      await cleanups.markMissing(copy.uid);
      if (bad.count > 0) return counts;
      // An earlier run may have begun the copy.
      const reused = { versionUid: copy.uid, blocksReused: counts.blocksReused, isContinued: true };
      await verifyReusedBlobs(context, { ...reused, acceptDamage: undefined });
      await manifest?.write(undefined, context.now());
      if (await meta.finishBackup(copy, undefined)) return counts;
    }
  });
}

/** @returns the blocks that the copy lacks, those included whose blobs were found bad. */
async function planBlocks({ meta, logger, settings }: Context, { origin, copy, geometry }: PreparedMigration): Promise<Bitmap> {
  await meta.discardBadBlocks(copy.uid, geometry);
  const ids = new Bitmap(origin.size);
  await addMissingBlocks(meta, { versionUid: copy.uid, ids, range: { first: 0, count: origin.size } });
  logger.info(
    `Migration to encryption version ${settings.encryption.version} for version ${origin.uid} to new version ${copy.uid}, ${origin.size - ids.count()}/${origin.size} blocks done.`,
  );
  return ids;
}

function resumeHint({ uid }: TaggedVersion): string {
  return `Finished blocks are kept, and the new version stays invalid. Resume with: backy2 migrate-encryption ${uid}`;
}
