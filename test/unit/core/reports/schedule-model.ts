/**
 * A model of `due` and `sla` that follows docs/spec/semantics.md ("due and sla") literally, without
 * regard to speed. It shares no code with the program: times are whole milliseconds, and it
 * computes its own calendar.
 */

interface ModelScheduler {
  name: string;
  intervalSeconds: number;
  keep: number;
  slaSeconds: number;
}

export interface ModelVersion {
  name: string;
  uid: string;
  /** Milliseconds since 1970. */
  at: number;
  /** Milliseconds since 1970. Undefined: never. */
  expires?: number | undefined;
  valid: boolean;
  tags: string[];
}

/** Input of a report. `now` is in milliseconds since 1970. */
export interface ModelCase {
  names: string[];
  schedulers: ModelScheduler[];
  versions: ModelVersion[];
  now: number;
}

/** The lines that `-ms due` prints. */
export function modelDue({ names, schedulers, versions, now }: ModelCase): string[] {
  const rows: { since: number; line: string }[] = [];
  for (const name of names) {
    const wanted: string[] = [];
    let expire = 0;
    let since = Number.POSITIVE_INFINITY;
    for (const scheduler of schedulers) {
      if (scheduler.keep === 0) continue;
      const newest = thoseThatCount(versions, name, scheduler).pop();
      const from = newest === undefined ? 0 : newest.at + scheduler.intervalSeconds * 1000 - scheduler.slaSeconds * 1000;
      if (newest !== undefined && now <= from) continue;
      wanted.push(scheduler.name);
      since = from < since ? from : since;
      const kept = now + scheduler.intervalSeconds * 1000 * (scheduler.keep + 1);
      expire = kept > expire ? kept : expire;
    }
    if (wanted.length > 0) rows.push({ since, line: `${name}|${wanted.join(',')}|${text(expire)}|${text(since)}` });
  }
  const lines: string[] = [];
  while (rows.length > 0) {
    let first = 0;
    for (const [i, row] of rows.entries()) if (row.since < (rows[first]?.since ?? 0)) first = i;
    for (const row of rows.splice(first, 1)) lines.push(row.line);
  }
  return lines;
}

/** The lines that `-ms sla` prints. */
export function modelSla({ names, schedulers, versions, now }: ModelCase): string[] {
  const lines: string[] = [];
  for (const name of names) {
    for (const scheduler of schedulers) {
      const say = (sentence: string) => lines.push(`${name}|${scheduler.name}: ${sentence}`);
      const { keep } = scheduler;
      const interval = scheduler.intervalSeconds * 1000;
      const sla = scheduler.slaSeconds * 1000;
      const day = 24 * 3600 * 1000;
      const tooOld = (version: ModelVersion) => now - version.at > keep * interval + sla + day;
      const wanted = ({ expires }: ModelVersion) => expires !== undefined && now <= expires + day;
      const all = thoseThatCount(versions, name, scheduler);
      const counted = all.filter((version, i) => i === all.length - 1 || !(tooOld(version) && wanted(version)));
      if (counted.length < keep) say(`Too few backups. Found ${counted.length}, should be ${keep}.`);
      if (counted.length > keep + 2) say(`Too many backups. Found ${counted.length}, should be ${keep}.`);
      const newest = counted[counted.length - 1];
      if (newest !== undefined && now - newest.at > interval + sla)
        say(
          `Latest backup is too old. Version ${newest.uid} has date ${text(newest.at)}, new backup due since ${text(newest.at + interval + sla)}.`,
        );
      let before: ModelVersion | undefined;
      for (const version of counted) {
        if (before !== undefined && Math.abs(version.at - before.at - interval) > sla)
          say(
            `Version ${version.uid} is not in SLA range. It was created at ${text(version.at)} and should be between ${text(before.at + interval - sla)} and ${text(before.at + interval + sla)}.`,
          );
        before = version;
      }
      const oldest = counted[0];
      if (oldest !== undefined && tooOld(oldest) && !wanted(oldest))
        say(
          `Backup too old. Found version_uid ${oldest.uid} with backup date ${text(oldest.at)}. Oldest allowed date is ${text(now - keep * interval - sla - day)}.`,
        );
    }
  }
  return lines;
}

/** Oldest first. */
function thoseThatCount(versions: ModelVersion[], name: string, scheduler: ModelScheduler): ModelVersion[] {
  const left: ModelVersion[] = [];
  for (const version of versions) {
    if (version.valid && version.name === name && version.tags.some((tag) => tag === scheduler.name)) left.push(version);
  }
  const ordered: ModelVersion[] = [];
  while (left.length > 0) {
    let first = 0;
    for (const [i, version] of left.entries()) if (version.at < (left[first]?.at ?? 0)) first = i;
    ordered.push(...left.splice(first, 1));
  }
  return ordered;
}

const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Formats a time in UTC as tables do. Counts days from 1970, up or down. */
function text(at: number): string {
  const seconds = Math.floor(at / 1000);
  let days = Math.floor(seconds / 86400);
  const ofDay = seconds - days * 86400;
  let year = 1970;
  while (days < 0) days += yearDays(--year);
  while (days >= yearDays(year)) days -= yearDays(year++);
  let month = 0;
  while (days >= monthDays(year, month)) days -= monthDays(year, month++);
  const clock = [ofDay / 3600, (ofDay / 60) % 60, ofDay % 60];
  return `${digits(year, 4)}-${digits(month + 1, 2)}-${digits(days + 1, 2)} ${clock.map((part) => digits(Math.floor(part), 2)).join(':')}`;
}

function yearDays(year: number): number {
  return isLeap(year) ? 366 : 365;
}

function monthDays(year: number, month: number): number {
  return month === 1 && isLeap(year) ? 29 : (MONTH_DAYS[month] ?? 31);
}

function isLeap(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
}

function digits(value: number, count: number): string {
  let out = String(value);
  while (out.length < count) out = `0${out}`;
  return out;
}
