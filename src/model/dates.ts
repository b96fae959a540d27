/** `YYYY-MM-DD HH:MM:SS.ffffff` in UTC: the stored form of dates (docs/spec/formats.md §2). */
export function toStoredDate(date: Date): string {
  return `${toSecondsText(date)}.${String(date.getUTCMilliseconds()).padStart(3, '0')}000`;
}

/** `YYYY-MM-DD HH:MM:SS` in UTC. */
export function toSecondsText(date: Date): string {
  return date.toISOString().slice(0, 19).replace('T', ' ');
}

/** `HH:MM` in this host's time zone, as in the logfile. A minute that has begun counts as over. */
export function clockTime(date: Date): string {
  const minute = new Date(Math.ceil(date.getTime() / 60_000) * 60_000);
  return [minute.getHours(), minute.getMinutes()].map((part) => String(part).padStart(2, '0')).join(':');
}

/** Reads both stored forms and a bare date. The result is NaN-dated for any other text. */
export function fromStoredDate(text: string): Date {
  const match = /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?)?$/.exec(text);
  if (match === null) return new Date(Number.NaN);
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = ''] = match;
  const date = new Date(0);
  // Date.UTC would read years below 100 as 19xx.
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  date.setUTCHours(Number(hour), Number(minute), Number(second), Number(fraction.padEnd(3, '0').slice(0, 3)));
  return date;
}
