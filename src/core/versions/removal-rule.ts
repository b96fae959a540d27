import { isFromFuture } from '../../model/clock.ts';
import type { Version } from '../../model/version.ts';

const DAY_MS = 24 * 3600 * 1000;

/**
 * Why a version that nobody named is to go:
 * - `expired`: its expire date has passed
 * - `beyond_keep`: each of its schedulers has as many newer ones as it keeps
 */
export type RemoveReason = 'expired' | 'beyond_keep';

/**
 * Why such a version stays all the same:
 * - `newest_valid`: it is the newest valid version of its name
 * - `protected`
 * - `base`: of the valid versions of its name that have a snapshot, it is the newest: the next
 *   differential backup starts from it
 * - `unfinished`: it is not valid, and its expire date has not passed
 * - `not_expired`: its expire date is a promise
 * - `too_young`: see `disallow_rm_when_younger_than_days`
 * - `in_use`: another command uses it. Only its lock tells, so {@link choose} never says so.
 */
export type KeepReason = 'newest_valid' | 'protected' | 'base' | 'unfinished' | 'not_expired' | 'too_young' | 'in_use';

/** A version that a rule of retention no longer wants, and why it stays in spite of that. */
export interface Choice<V> {
  version: V;
  why: RemoveReason;
  /** Undefined: it may be removed. */
  keep: KeepReason | undefined;
}

/** The clock and the limit of {@link isTooYoung}. */
export interface AgeLimit {
  now: Date;
  youngerThanDays: number;
}

/** Limits of a removal by a schedule. */
export interface RemovalLimit extends AgeLimit {
  /** An expire date that is to come keeps nothing. */
  ignoresExpire?: boolean;
}

/** The part of a version that the rule uses. */
export type RuledVersion = Pick<Version, 'uid' | 'name' | 'date' | 'snapshotName' | 'valid' | 'protected' | 'expire'>;

/**
 * Decides which versions may be removed without being named: the one rule for everything that
 * removes by a schedule. Choices are in the order of `versions`.
 * @param versions MUST hold all versions of each name, since the newest valid one of them stays.
 * @param unwanted says which versions retention no longer asks for.
 */
export function choose<V extends RuledVersion>(
  versions: readonly V[],
  unwanted: (version: V) => RemoveReason | undefined,
  limit: RemovalLimit,
): Choice<V>[] {
  const stays: Stays = {
    newest: newestValid(versions, limit.now),
    bases: newestValid(
      versions.filter(({ snapshotName }) => snapshotName !== ''),
      limit.now,
    ),
  };
  return versions.flatMap((version) => {
    const why = unwanted(version);
    return why === undefined ? [] : [{ version, why, keep: reasonToKeep({ version, why }, stays, limit) }];
  });
}

/** Whether a version's expire date has passed. */
export function isExpired({ expire }: Pick<Version, 'expire'>, now: Date): boolean {
  return expire !== null && expire.getTime() < now.getTime();
}

/** Whether `rm` refuses the version for its age. One from the future counts as new. */
export function isTooYoung({ date }: Pick<Version, 'date'>, { now, youngerThanDays }: AgeLimit): boolean {
  return Math.max(0, now.getTime() - date.getTime()) < youngerThanDays * DAY_MS;
}

/**
 * The uids of the newest valid versions, of each name. If that one is dated in the future, its real
 * age is unknown: the newest of the others counts too.
 */
export function newestValid(versions: readonly RuledVersion[], now: Date): Set<string> {
  const newest = new Map<string, RuledVersion>();
  const newestDated = new Map<string, RuledVersion>();
  for (const version of versions) {
    if (!version.valid) continue;
    if (isNewer(version, newest.get(version.name))) newest.set(version.name, version);
    if (isFromFuture(version.date, now)) continue;
    if (isNewer(version, newestDated.get(version.name))) newestDated.set(version.name, version);
  }
  return new Set([...newest.values(), ...newestDated.values()].map(({ uid }) => uid));
}

/** The order of versions by date: of two with the same date, the one with the greater uid. */
export function isNewer(version: RuledVersion, than: RuledVersion | undefined): boolean {
  if (than === undefined) return true;
  const ahead = timeOf(version) - timeOf(than);
  return ahead === 0 ? version.uid > than.uid : ahead > 0;
}

/** A damaged date counts as the oldest. */
function timeOf({ date }: RuledVersion): number {
  return Number.isNaN(date.getTime()) ? Number.MIN_SAFE_INTEGER : date.getTime();
}

/** Versions that stay whatever a schedule says. */
interface Stays {
  newest: ReadonlySet<string>;
  bases: ReadonlySet<string>;
}

function reasonToKeep(
  { version, why }: { version: RuledVersion; why: RemoveReason },
  { newest, bases }: Stays,
  limit: RemovalLimit,
): KeepReason | undefined {
  if (version.protected) return 'protected';
  if (newest.has(version.uid)) return 'newest_valid';
  if (bases.has(version.uid)) return 'base';
  if (why === 'beyond_keep') {
    if (!version.valid) return 'unfinished';
    if (version.expire !== null && limit.ignoresExpire !== true) return 'not_expired';
  }
  return isTooYoung(version, limit) ? 'too_young' : undefined;
}

/** Days without any version after which the clock is not believed. */
export const QUIET_DAYS = 60;

/**
 * Looks for a clock that is far ahead: then everything looks expired. Versions of the last day do
 * not count, because they may have been made by the same clock.
 * @returns the date of the newest other version, if it is more than {@link QUIET_DAYS} older than
 * that day.
 */
export function quietSince(versions: readonly Pick<Version, 'date'>[], now: Date): Date | undefined {
  const yesterday = now.getTime() - DAY_MS;
  const older = versions.map(({ date }) => date.getTime()).filter((time) => time <= yesterday);
  if (older.length === 0) return undefined;
  const newest = older.reduce((a, b) => Math.max(a, b));
  return newest < yesterday - QUIET_DAYS * DAY_MS ? new Date(newest) : undefined;
}
