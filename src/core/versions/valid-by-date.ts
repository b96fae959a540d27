import { isFromFuture } from '../../model/clock.ts';
import type { TaggedVersion } from '../../model/version.ts';

/**
 * Valid versions of a name, or of several, in their order: oldest first. Those dated in the future
 * come before all others: their real date is unknown.
 */
export function validByDate(versions: readonly TaggedVersion[], now: Date): TaggedVersion[] {
  const valid = versions.filter((version) => version.valid);
  const isAhead = ({ date }: TaggedVersion) => isFromFuture(date, now);
  return [...valid.filter(isAhead), ...valid.filter((version) => !isAhead(version))];
}
