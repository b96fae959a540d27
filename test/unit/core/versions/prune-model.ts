/**
 * A model of `prune` that follows docs/spec/semantics.md §15 word by word: it counts, and sorts
 * nothing. It shares no code with the program. Times are milliseconds since 1970.
 */

export interface ModelVersion {
  uid: string;
  name: string;
  at: number;
  expires: number | null;
  valid: boolean;
  protected: boolean;
  hasSnapshot: boolean;
  tags: readonly string[];
}

export interface ModelCase {
  versions: readonly ModelVersion[];
  /** How many versions each scheduler keeps. */
  keeps: Readonly<Record<string, number>>;
  broken: readonly string[];
  now: number;
  youngerThanDays: number;
  force: boolean;
}

/** More than this is a date in the future. */
const TOLERANCE = 5 * 60 * 1000;

/** By uid: why a version is not wanted, and `goes` or why it stays. Wanted ones are left out. */
export function modelPrune({ versions, keeps, broken, now, youngerThanDays, force }: ModelCase): Record<string, string> {
  const isFuture = (one: ModelVersion) => one.at > now + TOLERANCE;
  const isLater = (one: ModelVersion, than: ModelVersion) => one.at > than.at || (one.at === than.at && one.uid > than.uid);
  const later = (than: ModelVersion, which: (one: ModelVersion) => boolean) =>
    versions.filter((one) => one.name === than.name && one.valid && which(one) && isLater(one, than)).length;
  /** No valid version of the name is newer; or none whose date is known. */
  const isNewest = (version: ModelVersion, which: (one: ModelVersion) => boolean) =>
    version.valid &&
    which(version) &&
    (later(version, which) === 0 || (!isFuture(version) && later(version, (one) => which(one) && !isFuture(one)) === 0));

  const outcome: Record<string, string> = {};
  for (const version of versions) {
    const isExpired = version.expires !== null && version.expires < now;
    const schedulers = version.tags.filter((tag) => Object.hasOwn(keeps, tag));
    const isKept = (tag: string) =>
      later(version, (one) => one.tags.includes(tag) && !isFuture(one)) < (keeps[tag] ?? Number.POSITIVE_INFINITY);
    const isBeyond =
      !isFuture(version) &&
      schedulers.length > 0 &&
      !version.tags.some((tag) => broken.includes(tag)) &&
      !schedulers.some(isKept);
    if (!isExpired && !isBeyond) continue;
    outcome[version.uid] = `${isExpired ? 'expired' : 'beyond_keep'}: ${stays()}`;

    function stays(): string {
      if (version.protected) return 'protected';
      if (isNewest(version, () => true)) return 'newest_valid';
      if (isNewest(version, (one) => one.hasSnapshot)) return 'base';
      if (!isExpired && !version.valid) return 'unfinished';
      if (!isExpired && version.expires !== null && !force) return 'not_expired';
      // One from the future counts as new.
      const age = version.at > now ? 0 : now - version.at;
      return !force && age < youngerThanDays * 86_400_000 ? 'too_young' : 'goes';
    }
  }
  return outcome;
}
