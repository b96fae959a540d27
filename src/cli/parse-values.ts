import { BackyError } from '../errors.ts';

/** `YYYY-MM-DD`, `YYYY-MM-DD HH:MM:SS` or `YYYY-MM-DDTHH:MM:SS`, in UTC. Anything else is an error `badDate`. */
export function parseDate(text: string): Date {
  const match = /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](\d{1,2}):(\d{1,2}):(\d{1,2}))?$/.exec(text);
  if (match !== null) {
    const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map((part) => Number(part ?? 0));
    const date = new Date(0);
    date.setUTCFullYear(year, month - 1, day);
    date.setUTCHours(hour, minute, second);
    const same = date.getUTCMonth() === month - 1 && date.getUTCDate() === day && date.getUTCHours() === hour;
    if (year > 0 && same && date.getUTCMinutes() === minute && date.getUTCSeconds() === second) return date;
  }
  throw new BackyError('badDate', `"${text}" is not a date.`, {
    hint: 'Write YYYY-MM-DD, "YYYY-MM-DD HH:MM:SS" or YYYY-MM-DDTHH:MM:SS (UTC).',
  });
}

/** A whole number; anything else is a usage error that names the option. */
export function parseWhole(text: string, option: string): number {
  if (/^-?[0-9]+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  throw new BackyError('usage', `${option} takes a whole number, not "${text}".`);
}
