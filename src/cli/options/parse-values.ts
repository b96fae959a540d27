import { BackyError } from '../../errors.ts';

const DATE = /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](\d{1,2}):(\d{1,2}):(\d{1,2})(?:(?:\.(\d{3}))?Z)?)?$/;

/**
 * Parses `YYYY-MM-DD`, `YYYY-MM-DD HH:MM:SS` or `YYYY-MM-DDTHH:MM:SS`, in UTC, and the form of
 * `--json`: `YYYY-MM-DDTHH:MM:SS.mmmZ`.
 * @throws BackyError `badDate`.
 */
export function parseDate(text: string): Date {
  const match = DATE.exec(text);
  if (match !== null) {
    const numbers = match.slice(1).map((part) => Number(part ?? 0));
    const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, milliseconds = 0] = numbers;
    const date = new Date(0);
    date.setUTCFullYear(year, month - 1, day);
    date.setUTCHours(hour, minute, second, milliseconds);
    const same = date.getUTCMonth() === month - 1 && date.getUTCDate() === day && date.getUTCHours() === hour;
    if (year > 0 && same && date.getUTCMinutes() === minute && date.getUTCSeconds() === second) return date;
  }
  throw new BackyError('badDate', `"${text}" is not a date.`, {
    hint: 'Write YYYY-MM-DD, "YYYY-MM-DD HH:MM:SS" or YYYY-MM-DDTHH:MM:SS (UTC).',
  });
}

/** Parses a whole number. @throws BackyError `usage` that names the option. */
export function parseWhole(text: string, option: string): number {
  if (/^-?[0-9]+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  throw new BackyError('usage', `${option} takes a whole number, not "${text}".`);
}

/** Parses a number from 0 to 100. @throws BackyError `usage` that names the option. */
export function parsePercent(text: string, option: string): number {
  const percent = Number(text);
  if (/^[0-9]+(\.[0-9]+)?$/.test(text) && percent <= 100) return percent;
  throw new BackyError('usage', `${option} takes a number from 0 to 100, not "${text}".`);
}

const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86400 };

/**
 * Parses `90s`, `30m`, `2h` or `1d` to seconds. @throws BackyError `usage` that names the option.
 */
export function parseDuration(text: string, option: string): number {
  const [, amount = '', unit = ''] = /^([0-9]{1,6}(?:\.[0-9]{1,6})?)([smhd])$/.exec(text) ?? [];
  const seconds = Number(amount) * (SECONDS[unit] ?? 0);
  if (seconds > 0) return seconds;
  throw new BackyError('usage', `${option} takes a time with s, m, h or d (such as 90s, 30m, 2h), not "${text}".`);
}

/** Parses `1,7,30`. @throws BackyError `usage` that names the option. */
export function parseDays(text: string, option: string): number[] {
  const days = text.split(',').map((part) => part.trim());
  if (days.length <= 32 && days.every((part) => /^[1-9][0-9]{0,4}$/.test(part))) return days.map(Number);
  throw new BackyError('usage', `${option} takes numbers of days, comma separated, not "${text}".`);
}
