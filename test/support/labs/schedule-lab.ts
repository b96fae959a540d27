import { expect } from 'vitest';
import { clockAt } from '../program/clock.ts';
import type { Result } from '../program/process.ts';
import type { Sections } from './config-text.ts';
import type { Lab } from './lab.ts';

/** The program's clock in tests of schedules. */
const NOW = new Date('2026-03-01T12:00:00Z');

/** The due time of a backup that was never made. */
export const NEVER = '1970-01-01 00:00:00';

export const SCHEDULERS: Sections = {
  hourly: { interval: '1h', keep: 3, sla: '30m' },
  daily: { interval: '1d', keep: 2, sla: '6h' },
  weekly: { interval: '7d', keep: 1, sla: '12h' },
  never: { interval: '1d', keep: 0, sla: '1h' },
};

/** Seconds. */
export const MINUTE = 60;
export const HOUR = 3600;
export const DAY = 86400;

/** The time `seconds` after NOW, as tables show it. */
export function timeText(seconds: number): string {
  return new Date(NOW.getTime() + seconds * 1000).toISOString().slice(0, 19).replace('T', ' ');
}

/** Adds a version without blocks, made `secondsAgo` before NOW. @returns its uid. */
export function addVersion(lab: Lab, name: string, secondsAgo: number, { tags = ['daily'], valid = 1 } = {}): string {
  const uid = `00000000-0000-1000-8000-${String(lab.versions().length).padStart(12, '0')}`;
  lab.sql(
    `INSERT INTO versions (uid, date, name, snapshot_name, size, size_bytes, valid, protected) VALUES (?, ?, ?, '', 0, 0, ?, 0)`,
    ...[uid, `${timeText(-secondsAgo)}.000000`, name, valid],
  );
  for (const tag of tags) lab.sql('INSERT INTO tags (version_uid, name) VALUES (?, ?)', uid, tag);
  return uid;
}

/** Runs the real program at NOW. */
export function runNow(lab: Lab, ...args: string[]): Promise<Result> {
  return lab.run(args, { env: clockAt(NOW) });
}

/** The lines that a successful call at NOW prints with -ms. */
export async function linesNow(lab: Lab, ...args: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await runNow(lab, '-ms', ...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout.split('\n').slice(0, -1);
}
