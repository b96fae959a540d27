import { ALL_COMMANDS } from '../../commands/index.ts';
import { type Edition, manPage } from './page.ts';

/** The manual page of this program. The build writes it to man/backy2.1. */
export function manPageOf(edition: Edition): string {
  return manPage(ALL_COMMANDS, edition);
}
