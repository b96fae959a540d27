import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dueBackups } from '../../../../src/core/reports/due.ts';
import type { Image } from '../../../../src/core/reports/schedulers.ts';
import { slaBreaches } from '../../../../src/core/reports/sla.ts';
import type { Scheduler } from '../../../../src/model/scheduler.ts';
import { type ModelCase, type ModelVersion, modelDue, modelSla } from './schedule-model.ts';

const HOUR = 3600;
const DAY = 24 * HOUR;
const RUNS = 2000;

/** Distances from a boundary in milliseconds: on it, and one before and after. */
const AROUND = [-1000, -1, 0, 1, 1000];

const scheduler = (name: string): fc.Arbitrary<Scheduler> =>
  fc
    .record({
      intervalSeconds: fc.oneof(fc.constantFrom(1, 600, HOUR, DAY, 7 * DAY, 30 * DAY), fc.integer({ min: 1, max: 100 * DAY })),
      keep: fc.nat({ max: 5 }),
      share: fc.constantFrom(0, 0.1, 0.25, 0.5, 1, 1.5),
    })
    .map(({ intervalSeconds, keep, share }) => ({
      name,
      intervalSeconds,
      keep,
      slaSeconds: Math.floor(intervalSeconds * share),
    }));

/**
 * Milliseconds from a version to the next newer one, or to now: near a boundary of the scheduler,
 * or any number.
 */
const gap = ({ intervalSeconds, keep, slaSeconds }: Scheduler): fc.Arbitrary<number> => {
  const borders = [
    intervalSeconds - slaSeconds,
    intervalSeconds,
    intervalSeconds + slaSeconds,
    keep * intervalSeconds + slaSeconds + DAY,
    0,
  ];
  const atBorder = fc.tuple(fc.constantFrom(...borders), fc.constantFrom(...AROUND)).map(([s, ms]) => Math.max(0, s * 1000 + ms));
  return fc.oneof({ arbitrary: atBorder, weight: 4 }, { arbitrary: fc.nat({ max: 3000 * intervalSeconds }), weight: 1 });
};

/** Milliseconds until a version expires, if it does: around now, around a day ago, or any time. */
const left = fc.option(
  fc.oneof(
    fc.constantFrom(...AROUND),
    fc.constantFrom(...AROUND.map((ms) => ms - 1000 * DAY)),
    fc.integer({ min: -9e9, max: 9e9 }),
  ),
  { nil: undefined },
);

/**
 * Versions of a name, mostly made by one of the schedulers. Some are invalid or have other tags.
 */
const versionsOf = (name: string, schedulers: Scheduler[], now: number): fc.Arbitrary<ModelVersion[]> => {
  const tags = fc.subarray([...schedulers.map((one) => one.name), 'other', 'b_daily']);
  return fc.constantFrom(...schedulers).chain((maker) =>
    fc
      .array(fc.record({ back: gap(maker), valid: fc.nat({ max: 9 }).map((n) => n > 0), tags, mine: fc.nat({ max: 9 }), left }), {
        maxLength: 9,
      })
      .chain((made) => {
        let at = now;
        const versions = made.map(({ back, valid, tags: others, mine, left }, i) => {
          at -= back;
          const expires = left === undefined ? undefined : now + left;
          return {
            name,
            uid: `${name}-${i}`,
            at,
            expires,
            valid,
            tags: mine > 0 ? [...new Set([...others, maker.name])] : others,
          };
        });
        return fc.shuffledSubarray(versions, { minLength: versions.length });
      }),
  );
};

const NAMES = ['a', 'b b', 'ünï', 'z'];
const SCHEDULERS = ['hourly', 'daily', '30d'];

/** Times from the end of 1999 to 2100, some of them at midnight of the first day of a month. */
const clock = fc.oneof(
  fc.integer({ min: Date.UTC(1999, 11, 31), max: Date.UTC(2100, 2, 2) }),
  fc
    .tuple(fc.integer({ min: 2000, max: 2100 }), fc.integer({ min: 0, max: 11 }))
    .map(([year, month]) => Date.UTC(year, month, 1)),
);

const anyCase: fc.Arbitrary<ModelCase> = fc
  .tuple(clock, fc.subarray(NAMES, { minLength: 1 }), fc.shuffledSubarray(SCHEDULERS, { minLength: 1 }))
  .chain(([now, names, chosen]) =>
    fc
      .tuple(...chosen.map(scheduler))
      .chain((schedulers) =>
        fc
          .tuple(...names.map((name) => versionsOf(name, schedulers, now)))
          .map((versions) => ({ names, schedulers, versions: versions.flat(), now })),
      ),
  );

describe('due and sla agree with the model', () => {
  const seen = new Set<string>();

  it('due: rows, schedulers, expire dates, and since when', () => {
    fc.assert(
      fc.property(anyCase, (input) => {
        const { schedulers, now } = input;
        const rows = dueBackups(imagesOf(input), schedulers, new Date(now));
        for (const row of rows) seen.add(row.dueSince.getTime() === 0 ? 'due, first backup' : 'due');
        if (rows.length < input.names.length) seen.add('not due');
        if (rows.some((row) => row.schedulers.length > 1)) seen.add('due for several');
        const lines = rows.map((row) => [row.name, row.schedulers.join(','), text(row.expireDate), text(row.dueSince)].join('|'));
        expect(lines).toEqual(modelDue(input));
      }),
      { numRuns: RUNS },
    );
  });

  it('sla: breaches of every kind', () => {
    fc.assert(
      fc.property(anyCase, (input) => {
        const breaches = slaBreaches(imagesOf(input), input.schedulers, new Date(input.now));
        if (breaches.length === 0) seen.add('no breach');
        for (const { breach } of breaches) seen.add(KIND.exec(breach)?.[0] ?? breach);
        expect(breaches.map(({ name, breach }) => `${name}|${breach}`)).toEqual(modelSla(input));
      }),
      { numRuns: RUNS },
    );
  });

  it('and the cases covered everything', () => {
    expect([...seen].sort()).toEqual([
      'Backup too old',
      'Latest backup is too old',
      'Too few backups',
      'Too many backups',
      'due',
      'due for several',
      'due, first backup',
      'is not in SLA range',
      'no breach',
      'not due',
    ]);
  });
});

const KIND = /Backup too old|Latest backup is too old|Too few backups|Too many backups|is not in SLA range/;

function imagesOf({ names, versions }: ModelCase): Image[] {
  return names.map((name) => ({
    name,
    versions: versions
      .filter((version) => version.name === name)
      .map((version) => ({
        ...version,
        date: new Date(version.at),
        expire: version.expires === undefined ? null : new Date(version.expires),
      })),
  }));
}

function text(date: Date): string {
  return date.toISOString().slice(0, 19).replace('T', ' ');
}

it('sla: an old version counts again once its expire date is a day over, or without one', () => {
  const now = new Date('2026-03-01T12:00:00Z');
  const ago = (days: number) => new Date(now.getTime() - days * DAY * 1000);
  const daily = { name: 'daily', intervalSeconds: DAY, keep: 2, slaSeconds: 6 * HOUR };
  const breachesWith = (expire: Date | null) => {
    const versions = [40, 1, 0].map((days) => ({
      uid: `${days}`,
      date: ago(days),
      valid: true,
      tags: ['daily'],
      expire: ago(-1),
    }));
    const old = versions.map((version) => (version.uid === '40' ? { ...version, expire } : version));
    return slaBreaches([{ name: 'vm', versions: old }], [daily], now).map(({ breach }) => breach.replace(/(\. |range).*/, ''));
  };
  expect([ago(-5), ago(0), ago(1)].flatMap(breachesWith)).toEqual([]);
  for (const expire of [ago(1.001), null])
    expect(breachesWith(expire)).toEqual(['daily: Version 1 is not in SLA ', 'daily: Backup too old']);
});
