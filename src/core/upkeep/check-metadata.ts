import { BackyError } from '../../errors.ts';
import type { Damage } from '../../meta/integrity-store.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { Context } from '../context.ts';
import { holding, lockForOperation } from '../versions/locks.ts';
import { lockFoundVersion } from '../versions/with-version.ts';
import { checkProgress } from './check-progress.ts';
import { Findings, type MetadataFinding } from './findings.ts';
import { VersionCheck } from './version-check.ts';

/** The outcome of a check of the database. */
export interface MetadataCheck {
  /** Versions that were checked, and their rows. */
  versions: number;
  blocks: number;
  findings: MetadataFinding[];
  /** Findings beyond the 10,000 that are kept. */
  more: number;
  seconds: number;
}

/**
 * Checks all that the database says about blocks, without reading a blob, and changes nothing.
 * Logs each finding. Versions that are being made or removed are skipped. Reads every row once or
 * twice: about 10 µs a block.
 */
export function checkMetadata(context: Context): Promise<MetadataCheck> {
  return holding([() => lockForOperation(context.locks)], () => run(context));
}

async function run(context: Context): Promise<MetadataCheck> {
  const { meta, logger, signal } = context;
  const startMs = performance.now();
  const findings = new Findings(logger);
  const { isDamagedFile } = await checkWhole(context, findings);
  const checked = { versions: 0, blocks: 0 };
  const versions = await meta.listVersions({});
  const onRows = checkProgress(context, versions);
  for (const { uid, name } of versions) {
    signal.throwIfAborted();
    logger.debug(`Checking the rows of version ${uid} (${name}).`);
    const blocks = await checkUnlessTaken(context, { uid, name }, { findings, onRows, isDamagedFile });
    findings.log();
    if (blocks === undefined) continue;
    checked.versions++;
    checked.blocks += blocks;
  }
  return { ...checked, findings: findings.all, more: findings.more, seconds: (performance.now() - startMs) / 1000 };
}

/**
 * Checks what does not belong to one version. @returns whether the file of the database is damaged.
 */
export async function checkWhole(context: Context, findings: Findings): Promise<{ isDamagedFile: boolean }> {
  const { meta } = context;
  const isDamagedFile = await hasDamagedIndex(context, findings);
  for (const damage of await sharedDamage(context, isDamagedFile)) {
    const version = damage.versionUid === undefined ? undefined : await meta.findVersion(damage.versionUid);
    findings.add(version, damage);
  }
  findings.log();
  return { isDamagedFile };
}

async function sharedDamage({ meta, signal }: Context, isDamagedFile: boolean): Promise<Damage[]> {
  try {
    return await meta.checkShared(() => signal.throwIfAborted());
  } catch (error) {
    // A damaged page is a finding already.
    if (isDamagedFile && error instanceof BackyError && error.code === 'database') return [];
    throw error;
  }
}

async function hasDamagedIndex({ meta, signal }: Context, findings: Findings): Promise<boolean> {
  try {
    await meta.verifyIndexes(() => signal.throwIfAborted());
    return false;
  } catch (error) {
    if (!(error instanceof BackyError && error.code === 'database')) throw error;
    findings.add(undefined, { problem: 'index', detail: error.message.replace(/\. Nothing was deleted\.$/, '') });
    return true;
  }
}

interface WholeCheck {
  findings: Findings;
  onRows(rows: number): void;
  /** Versions that can't be read are findings then. */
  isDamagedFile: boolean;
}

/** @returns how many rows were checked; undefined: none, the version is in use or gone. */
async function checkUnlessTaken(
  context: Context,
  { uid, name }: Pick<TaggedVersion, 'uid' | 'name'>,
  { isDamagedFile, ...reports }: WholeCheck,
): Promise<number | undefined> {
  try {
    const { version, lock } = await lockFoundVersion(context, uid, 'shared');
    try {
      return (await new VersionCheck(context, version, reports).run()).rows;
    } finally {
      await lock.release();
    }
  } catch (error) {
    if (!(error instanceof BackyError)) throw error;
    if (error.code === 'database' && isDamagedFile) {
      reports.findings.add({ uid, name }, { problem: 'unreadable', detail: error.message.replace(/\.$/, '') });
      return 0;
    }
    if ((error.code !== 'locked' && error.code !== 'notFound') || error.data.uid !== uid) throw error;
    context.logger.warning(`Version ${uid} (${name}) was skipped: ${error.message}`);
    return undefined;
  }
}
