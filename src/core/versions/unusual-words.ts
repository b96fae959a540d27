import type { Logger } from '../../logger.ts';
import { toSecondsText } from '../../model/dates.ts';

/** Words that a version gets. */
interface VersionWords {
  name?: string;
  tags?: readonly string[] | undefined;
  expire?: Date | null | undefined;
}

/**
 * Warns of words that are stored as they are, like the original does, but are likely mistakes: an
 * empty name, an empty tag (`a,,b`), an expire date in the past.
 */
export function warnOfUnusualWords({ logger, now }: { logger: Logger; now(): Date }, { name, tags, expire }: VersionWords): void {
  if (name === '') logger.warning('The name of this version is empty.');
  if (tags?.includes('') === true) logger.warning(`One of the tags is empty: "${tags.join(',')}".`);
  if (expire instanceof Date && expire.getTime() <= now().getTime())
    logger.warning(`The expire date ${toSecondsText(expire)} is in the past: the version is expired at once.`);
}
