import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { loadConfig } from '../../../../src/config/load.ts';
import { dueBackups } from '../../../../src/core/reports/due.ts';
import { chooseSchedulers } from '../../../../src/core/reports/schedulers.ts';
import { slaBreaches } from '../../../../src/core/reports/sla.ts';
import { choose, isExpired, type RuledVersion } from '../../../../src/core/versions/removal-rule.ts';
import type { Scheduler } from '../../../../src/model/scheduler.ts';
import { makeSandbox } from '../../config/sandbox.ts';

const ROOT = new URL('../../../../', import.meta.url);
const HOUR_MS = 3_600_000;
/** The months of `keep` and one more. */
const DAYS = 130;

/** The hours and schedulers of the two lines for backups in docs/schedules.md. */
function cronLines(named: (names: readonly string[]) => Scheduler[]): { hours: Set<number>; schedulers: Scheduler[] }[] {
  const page = readFileSync(new URL('docs/schedules.md', ROOT), 'utf8');
  const lines = [...page.matchAll(/^ {4}0 (\S+) \* \* \* +root +backup-due\.sh (\S+)/gm)];
  return lines.map(([, hours = '', names = '']) => ({
    hours: new Set(
      hours.split(',').flatMap((part) => {
        const [from = 0, to = from] = part.split('-').map(Number);
        return Array.from({ length: to - from + 1 }, (_, i) => from + i);
      }),
    ),
    schedulers: named(names.split(',')),
  }));
}

type Made = RuledVersion & { tags: string[] };

test('backy.cfg.example with the cron lines of docs/schedules.md: no breach from the first day on, and old versions go', () => {
  const config = loadConfig(fileURLToPath(new URL('backy.cfg.example', ROOT)), makeSandbox().env);
  const named = (names: readonly string[]) => chooseSchedulers({ names, givenBy: 'the test' }, config);
  const lines = cronLines(named);
  expect(lines.map(({ hours }) => hours.size)).toEqual([23, 1]);
  const sla = named(config.slaSchedulers);
  const since = new Date('2026-01-05T15:20:00Z');
  let versions: Made[] = [];
  for (let hour = 0; hour < DAYS * 24; hour++) {
    const now = new Date(Date.UTC(2026, 0, 5, 16 + hour));
    const schedulers = lines.find(({ hours }) => hours.has(now.getUTCHours()))?.schedulers ?? [];
    // Each backup is a few minutes late, some more than others.
    const date = new Date(now.getTime() + (hour % 7) * 60_000);
    for (const { name, schedulers: tags, expireDate: expire } of dueBackups([{ name: 'vm', versions }], schedulers, date))
      versions = [
        ...versions,
        { uid: `${hour}`.padStart(5, '0'), name, date, snapshotName: '', valid: true, protected: false, expire, tags },
      ];
    if (now.getUTCHours() !== 6) continue;
    const limit = { now: new Date(now.getTime() + HOUR_MS / 2), youngerThanDays: config.disallowRmWhenYoungerThanDays };
    const gone = choose(versions, (version) => (isExpired(version, limit.now) ? 'expired' : undefined), limit).filter(
      ({ keep }) => keep === undefined,
    );
    versions = versions.filter((version) => !gone.some((one) => one.version === version));
    const breaches = slaBreaches([{ name: 'vm', versions, since }], sla, new Date(now.getTime() + HOUR_MS));
    expect(breaches, now.toISOString()).toEqual([]);
  }
  // Hourly ones of a day and a night, and those that longer schedulers keep.
  const kept = config.schedulers.map(({ name }) => versions.filter(({ tags }) => tags.includes(name)).length);
  expect(kept).toEqual([50, 17, 9, 4]);
});
