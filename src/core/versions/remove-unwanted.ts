import { BackyError } from '../../errors.ts';
import { CHECK_CLOCKS, warnOfFuture } from '../../model/clock.ts';
import { toSecondsText } from '../../model/dates.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { Context } from '../context.ts';
import { checkInstallationFree, lockVersion } from './locks.ts';
import {
  type Choice,
  choose,
  type KeepReason,
  newestValid,
  QUIET_DAYS,
  quietSince,
  type RemovalLimit,
  type RemoveReason,
} from './removal-rule.ts';
import { type RemovalResult, removeLocked, wholeTurn } from './remove-version.ts';
import { withVersion } from './with-version.ts';

/** Which unwanted versions to remove. */
export interface RemovalRequest<R = UnwantedRemoval> {
  /** Default: all names. */
  name?: string | undefined;
  /** Also young versions, those with an expire date to come, and with a clock that looks wrong. */
  force: boolean;
  /** Change nothing; the result says what would be removed. */
  dryRun: boolean;
  /** Called after each removal. */
  onRemoved?(removed: R): void;
}

/** A rule that says which versions nobody wants any more. */
export interface Retention {
  /** The command that removes by it, for hints. */
  command: string;
  /** Describes its versions: `expired`. */
  adjective: string;
  /**
   * Judges versions; undefined: the version is wanted.
   * @param versions all versions of each name.
   */
  unwanted(versions: readonly TaggedVersion[], now: Date): (version: TaggedVersion) => RemoveReason | undefined;
  /** Log each version of a dry run at level INFO instead of DEBUG. */
  logsDryRun: boolean;
}

/** A version that was removed. */
export interface UnwantedRemoval extends RemovalResult {
  /** Null: the database has no valid date. */
  date: Date | null;
  why: RemoveReason;
}

/** An unwanted version that stays. */
export interface KeptVersion {
  uid: string;
  name: string;
  /** Null: the database has no valid date. */
  date: Date | null;
  why: RemoveReason;
  reason: KeepReason;
}

/** Outcome of {@link removeUnwanted}. */
export interface UnwantedResult {
  dryRun: boolean;
  removed: UnwantedRemoval[];
  /** Unwanted, but kept. */
  kept: KeptVersion[];
}

/** A removal of unwanted versions. */
interface Removal extends RemovalRequest {
  retention: Retention;
}

/**
 * Removes unwanted versions, except those that the rule of removal keeps. Versions that another
 * command uses or removes meanwhile are passed over.
 * @throws BackyError `notFound` for a name without versions, `refused` if the clock looks wrong.
 */
export async function removeUnwanted(context: Context, request: RemovalRequest, retention: Retention): Promise<UnwantedResult> {
  const removal: Removal = { ...request, retention };
  const choices = await choicesFor(context, removal);
  const result: UnwantedResult = { dryRun: request.dryRun, removed: [], kept: [] };
  for (const { version, why, keep } of choices) {
    const { uid, name } = version;
    const date = Number.isNaN(version.date.getTime()) ? null : version.date;
    const outcome =
      keep ?? (request.dryRun ? describe(context, version, removal) : await removeUnlessUsed(context, version, removal));
    if (outcome === undefined) continue;
    if (typeof outcome === 'string') keepIt(context, removal, { result, version: { uid, name, date, why, reason: outcome } });
    else {
      const removed = { ...outcome, date, why };
      result.removed.push(removed);
      request.onRemoved?.(removed);
    }
    await wholeTurn();
  }
  return result;
}

/** Judges all versions of the request. With any of them unwanted, the clock must look right. */
async function choicesFor(context: Context, removal: Removal): Promise<Choice<TaggedVersion>[]> {
  const { meta, locks, logger, now } = context;
  const { name, force, dryRun, retention } = removal;
  await checkInstallationFree(locks);
  const all = await meta.listVersions({});
  const versions = name === undefined ? all : all.filter((version) => version.name === name);
  if (name !== undefined && versions.length === 0) {
    throw new BackyError('notFound', `There is no version named "${name}".`, { hint: 'List the versions with: backy2 ls' });
  }
  warnOfFuture(context, versions);
  const choices = judge(context, versions, removal);
  const since = quietSince(all, now());
  if (force || since === undefined || choices.length === 0) return choices;
  const problem =
    `The clock may be wrong: it is ${toSecondsText(now())} UTC, but the newest version from before the last day is of ` +
    `${toSecondsText(since)}, more than ${QUIET_DAYS} days earlier.`;
  if (!dryRun) {
    const { command, adjective } = retention;
    throw new BackyError('refused', `${problem} No ${adjective} version was removed.`, {
      hint: `${CHECK_CLOCKS} If they are right: "backy2 ${command} -n" shows what would go, "backy2 ${command} -f" removes it.`,
    });
  }
  logger.warning(`${problem} ${CHECK_CLOCKS}`);
  return choices;
}

function judge(context: Context, versions: readonly TaggedVersion[], { force, retention }: Removal): Choice<TaggedVersion>[] {
  const now = context.now();
  const youngerThanDays = force ? 0 : context.settings.disallowRmWhenYoungerThanDays;
  const limit: RemovalLimit = { now, youngerThanDays, ignoresExpire: force };
  return choose(versions, retention.unwanted(versions, now), limit);
}

/**
 * Removes a version if the rule still allows it under its lock. The newest valid version of the
 * name is locked meanwhile, so that no other command removes it at the same time.
 * @returns undefined if it is gone already, or wanted again.
 */
async function removeUnlessUsed(
  context: Context,
  { uid, name }: TaggedVersion,
  removal: Removal,
): Promise<RemovalResult | KeepReason | undefined> {
  context.signal.throwIfAborted();
  const inUse = new Set([uid]);
  try {
    return await withVersion(context, uid, 'exclusive', async (version, held) => {
      const siblings = () => context.meta.listVersions({ name });
      for (const newest of newestValid(await siblings(), context.now())) {
        // Under an exclusive lock already.
        if (newest === uid) continue;
        inUse.add(newest);
        held.push(await lockVersion(context.locks, newest, 'shared'));
      }
      // The newest one may have been removed before its lock was there.
      const choice = judge(context, await siblings(), removal).find((candidate) => candidate.version.uid === uid);
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

function describe({ logger }: Context, { uid, name, size, date, expire }: TaggedVersion, { retention }: Removal): RemovalResult {
  const expired = expire === null ? '' : `, expired ${toSecondsText(expire)}`;
  const line = `Would remove version ${uid} of ${name} (${toSecondsText(date)}${expired}).`;
  if (retention.logsDryRun) logger.info(line);
  else logger.debug(line);
  return { uid, name, blocks: size };
}

const WHY: Record<RemoveReason, string> = {
  expired: 'has expired',
  beyond_keep: 'is more than its schedulers keep',
};

const WORDS: Record<KeepReason, string> = {
  newest_valid: 'is the newest valid version of its name',
  protected: 'is protected',
  base: 'is the one that the next differential backup starts from',
  unfinished: 'is not valid, and has not expired',
  not_expired: 'has an expire date to come',
  too_young: 'is younger than disallow_rm_when_younger_than_days',
  in_use: 'is in use',
};

function keepIt(
  { logger }: Context,
  { dryRun, retention }: Removal,
  { result, version }: { result: UnwantedResult; version: KeptVersion },
): void {
  result.kept.push(version);
  const { uid, name, why, reason } = version;
  const line = `Version ${uid} of ${name} ${WHY[why]}, but ${WORDS[reason]}: it is kept.`;
  // Nightly runs keep many of them: a line each would fill their log.
  if (dryRun && retention.logsDryRun) logger.info(line);
  else logger.debug(line);
}
