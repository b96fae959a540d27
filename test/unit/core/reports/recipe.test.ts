import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseIni } from '../../../../src/config/ini.ts';
import { readSchedulers } from '../../../../src/config/schedulers.ts';
import { dueBackups } from '../../../../src/core/reports/due.ts';
import { slaBreaches } from '../../../../src/core/reports/sla.ts';
import type { Scheduler } from '../../../../src/model/scheduler.ts';

const ROOT = new URL('../../../../', import.meta.url);
const HOUR = 3_600_000;

interface Made {
  uid: string;
  name: string;
  date: Date;
  valid: boolean;
  tags: string[];
  expire: Date;
}

/** Reads the schedulers in a text. */
function schedulersIn(text: string): Scheduler[] {
  const { schedulers, brokenSchedulers } = readSchedulers(parseIni(text, 'text'));
  expect(brokenSchedulers).toEqual([]);
  return schedulers;
}

/** The code block of docs/first-week.md that begins with a section. */
function recipe(): Scheduler[] {
  const page = readFileSync(new URL('docs/first-week.md', ROOT), 'utf8');
  const block = / {4}\[daily\]\n(?: {4}.*\n|\n(?= {4}))*/.exec(page)?.[0] ?? '';
  return schedulersIn(block.replace(/^ {4}/gm, ''));
}

/**
 * Backs up each evening, as many minutes late as `late` says, with all schedulers in one call. Each
 * morning it removes what has expired, then lets `atMorning` look.
 */
function live(schedulers: Scheduler[], late: readonly number[], atMorning: (versions: Made[], now: Date) => void): void {
  let versions: Made[] = [];
  for (const [day, minutes] of late.entries()) {
    const evening = Date.UTC(2026, 0, day, 22);
    for (const { schedulers: tags, expireDate } of dueBackups([{ name: 'web', versions }], schedulers, new Date(evening))) {
      const date = new Date(evening + minutes * 60_000);
      versions.push({ uid: `${day}`, name: 'web', date, valid: true, tags, expire: expireDate });
    }
    const morning = new Date(evening + 8.5 * HOUR);
    versions = versions.filter(({ expire }) => expire >= morning);
    atMorning(versions, morning);
  }
}

test.each([
  ['docs/first-week.md', recipe, 36, 12],
  [
    'backy.cfg.example',
    () => schedulersIn(readFileSync(new URL('backy.cfg.example', ROOT), 'utf8')).filter(({ name }) => name !== 'hourly'),
    130,
    17,
  ],
])('the schedulers of %s keep what they say, and sla has no reason to complain', (_, read, steadyDays, most) => {
  const schedulers = read();
  const late = fc.array(fc.integer({ min: 0, max: 180 }), { minLength: steadyDays + 40, maxLength: steadyDays + 40 });
  fc.assert(
    fc.property(late, (minutes) => {
      let day = 0;
      live(schedulers, minutes, (versions, now) => {
        day += 1;
        if (day <= steadyDays) return;
        expect(slaBreaches([{ name: 'web', versions }], schedulers, now)).toEqual([]);
        for (const { name, keep } of schedulers) {
          expect(versions.filter(({ tags }) => tags.includes(name)).length).toBeGreaterThanOrEqual(keep);
        }
        expect(versions.length).toBeLessThanOrEqual(most);
      });
    }),
    { numRuns: 10 },
  );
});
