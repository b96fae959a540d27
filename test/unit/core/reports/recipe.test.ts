import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseIni } from '../../../../src/config/ini.ts';
import { readSchedulers } from '../../../../src/config/schedulers.ts';
import { dueBackups } from '../../../../src/core/reports/due.ts';
import { slaBreaches } from '../../../../src/core/reports/sla.ts';
import type { Scheduler } from '../../../../src/model/scheduler.ts';

const PAGE = new URL('../../../../docs/first-week.md', import.meta.url);
const HOUR = 3_600_000;

interface Made {
  uid: string;
  name: string;
  date: Date;
  valid: boolean;
  tags: string[];
  expire: Date;
}

/** The code block of docs/first-week.md that begins with a section. */
function recipe(): Scheduler[] {
  const page = readFileSync(PAGE, 'utf8');
  const block = / {4}\[daily\]\n(?: {4}.*\n|\n(?= {4}))*/.exec(page)?.[0] ?? '';
  const { schedulers, brokenSchedulers } = readSchedulers(parseIni(block.replace(/^ {4}/gm, ''), 'first-week.md'));
  expect(brokenSchedulers).toEqual([]);
  return schedulers;
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

/** Days until all of them are there. */
const STEADY = 36;

test('the schedulers of docs/first-week.md keep what it says, and sla has no reason to complain', () => {
  const schedulers = recipe();
  expect(schedulers.map(({ name, keep }) => `${keep} ${name}`)).toEqual(['7 daily', '4 weekly']);
  const late = fc.array(fc.integer({ min: 0, max: 180 }), { minLength: STEADY + 40, maxLength: STEADY + 40 });
  fc.assert(
    fc.property(late, (minutes) => {
      let day = 0;
      live(schedulers, minutes, (versions, now) => {
        day += 1;
        if (day <= STEADY) return;
        expect(slaBreaches([{ name: 'web', versions }], schedulers, now)).toEqual([]);
        for (const { name, keep } of schedulers) {
          expect(versions.filter(({ tags }) => tags.includes(name)).length).toBeGreaterThanOrEqual(keep);
        }
        expect([11, 12]).toContain(versions.length);
      });
    }),
    { numRuns: 10 },
  );
});
