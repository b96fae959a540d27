import { BackyError } from '../../errors.ts';
import { CHECK_CLOCKS, warnOfFuture } from '../../model/clock.ts';
import { toSecondsText } from '../../model/dates.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { Context } from '../context.ts';
import { checkInstallationFree, lockVersion } from './locks.ts';
import { type AgeLimit, choose, isExpired, type KeepReason, newestValid, QUIET_DAYS, quietSince } from './removal-rule.ts';
import { type RemovalResult, removeLocked, wholeTurn } from './remove-version.ts';
import { withVersion } from './with-version.ts';

/** Which expired versions to remove. */
export interface ExpiredRequest {
  /** Default: all names. */
  name?: string | undefined;
  /** Also young versions, and with a clock that looks wrong. */
  force: boolean;
  /** Change nothing; the result says what would be removed. */
  dryRun: boolean;
  /** Called after each removal. */
  onRemoved?(removed: RemovalResult): void;
}

/** An expired version that stays. */
export interface KeptVersion {
  uid: string;
  name: string;
  reason: KeepReason;
}

/** Outcome of {@link removeExpired}. */
export interface ExpiredResult {
  dryRun: boolean;
  removed: RemovalResult[];
  /** Expired, but kept. */
  kept: KeptVersion[];
}

/**
 * Removes expired versions, except those that the rule of removal keeps. Versions that another
 * command uses or removes meanwhile are passed over.
 * @throws BackyError `notFound` for a name without versions, `refused` if the clock looks wrong.
 */
export async function removeExpired(context: Context, request: ExpiredRequest): Promise<ExpiredResult> {
  const all = await expirable(context, request);
  const result: ExpiredResult = { dryRun: request.dryRun, removed: [], kept: [] };
  for (const { version, keep } of expiredOf(all, limitOf(context, request))) {
    const outcome = keep ?? (request.dryRun ? describe(context, version) : await removeUnlessUsed(context, version, request));
    if (outcome === undefined) continue;
    if (typeof outcome === 'string') keepIt(context, result, { uid: version.uid, name: version.name, reason: outcome });
    else {
      result.removed.push(outcome);
      request.onRemoved?.(outcome);
    }
    await wholeTurn();
  }
  return result;
}

/** Reads the versions to choose from. With any of them expired, the clock must look right. */
async function expirable(context: Context, { name, force, dryRun }: ExpiredRequest): Promise<TaggedVersion[]> {
  const { meta, locks, logger, now } = context;
  await checkInstallationFree(locks);
  const all = await meta.listVersions({});
  const versions = name === undefined ? all : all.filter((version) => version.name === name);
  if (name !== undefined && versions.length === 0) {
    throw new BackyError('notFound', `There is no version named "${name}".`, { hint: 'List the versions with: backy2 ls' });
  }
  warnOfFuture(context, versions);
  const since = quietSince(all, now());
  if (force || since === undefined || !versions.some((version) => isExpired(version, now()))) return versions;
  const problem =
    `The clock may be wrong: it is ${toSecondsText(now())} UTC, but the newest version from before the last day is of ` +
    `${toSecondsText(since)}, more than ${QUIET_DAYS} days earlier.`;
  if (!dryRun) {
    throw new BackyError('refused', `${problem} No expired version was removed.`, {
      hint: `${CHECK_CLOCKS} If they are right: "backy2 rm --expired -n" shows what has expired, "backy2 rm --expired -f" removes it.`,
    });
  }
  logger.warning(`${problem} ${CHECK_CLOCKS}`);
  return versions;
}

function limitOf({ settings, now }: Context, { force }: ExpiredRequest): AgeLimit {
  return { now: now(), youngerThanDays: force ? 0 : settings.disallowRmWhenYoungerThanDays };
}

function expiredOf(versions: readonly TaggedVersion[], limit: AgeLimit) {
  return choose(versions, (version) => isExpired(version, limit.now), limit);
}

/**
 * Removes a version if the rule still allows it under its lock. The newest valid version of the
 * name is locked meanwhile, so that no other command removes it at the same time.
 * @returns undefined if it is gone already.
 */
async function removeUnlessUsed(
  context: Context,
  { uid, name }: TaggedVersion,
  request: ExpiredRequest,
): Promise<RemovalResult | KeepReason | undefined> {
  context.signal.throwIfAborted();
  const inUse = new Set([uid]);
  try {
    return await withVersion(context, uid, 'exclusive', async (version, held) => {
      const limit = limitOf(context, request);
      const siblings = () => context.meta.listVersions({ name });
      for (const newest of newestValid(await siblings(), limit.now)) {
        // Under an exclusive lock already.
        if (newest === uid) continue;
        inUse.add(newest);
        held.push(await lockVersion(context.locks, newest, 'shared'));
      }
      // The newest one may have been removed before its lock was there.
      const choice = expiredOf(await siblings(), limit).find((candidate) => candidate.version.uid === uid);
      if (choice === undefined) return undefined;
      if (choice.keep !== undefined) return choice.keep;
      return removeLocked(context, version, 'keep');
    });
  } catch (error) {
    if (!(error instanceof BackyError && inUse.has(error.data.uid ?? ''))) throw error;
    if (error.code === 'locked') return 'in_use';
    if (error.code === 'notFound') return undefined;
    throw error;
  }
}

function describe({ logger }: Context, { uid, name, size, date, expire }: TaggedVersion): RemovalResult {
  const expired = expire === null ? '' : `, expired ${toSecondsText(expire)}`;
  logger.info(`Would remove version ${uid} of ${name} (${toSecondsText(date)}${expired}).`);
  return { uid, name, blocks: size };
}

const WORDS: Record<KeepReason, string> = {
  newest_valid: 'is the newest valid version of its name',
  protected: 'is protected',
  too_young: 'is younger than disallow_rm_when_younger_than_days',
  in_use: 'is in use',
};

function keepIt({ logger }: Context, { dryRun, kept }: ExpiredResult, version: KeptVersion): void {
  kept.push(version);
  const line = `Version ${version.uid} of ${version.name} has expired, but ${WORDS[version.reason]}: it is kept.`;
  // Nightly runs keep many of them: a line each would fill their log.
  if (dryRun) logger.info(line);
  else logger.debug(line);
}
