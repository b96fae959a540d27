import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  choose,
  isExpired,
  type KeepReason,
  QUIET_DAYS,
  quietSince,
  type RuledVersion,
} from '../../../../src/core/versions/removal-rule.ts';

const NOW = new Date('2026-11-23T04:42:00Z');
const DAY_MS = 86_400_000;
const at = (days: number) => new Date(NOW.getTime() + days * DAY_MS);

const version = (fields: Partial<RuledVersion>): RuledVersion => ({
  ...{ uid: 'u', name: 'vm', date: at(-30), snapshotName: '', valid: true, protected: false, expire: at(-1) },
  ...fields,
});

/** The rule's outcome for expired versions, by uid. */
function decide(versions: readonly RuledVersion[], youngerThanDays = 0, now = NOW): Record<string, KeepReason | 'goes'> {
  const choices = choose(versions, (one) => (isExpired(one, now) ? 'expired' : undefined), { now, youngerThanDays });
  return Object.fromEntries(choices.map(({ version: { uid }, keep }) => [uid, keep ?? 'goes']));
}

describe('the rule of removal', () => {
  it('keeps the last good version after days of failing backups', () => {
    const good = [9, 8, 7].map((age) => version({ uid: `good${age}`, date: at(-age) }));
    const failed = [6, 5, 4].map((age) => version({ uid: `failed${age}`, date: at(-age), valid: false }));
    expect(decide([...good, ...failed])).toEqual({
      ...{ good9: 'goes', good8: 'goes', good7: 'newest_valid' },
      ...{ failed6: 'goes', failed5: 'goes', failed4: 'goes' },
    });
  });

  it('keeps one of each name, however far ahead the clock is', () => {
    const versions = ['a', 'b'].flatMap((name) => [1, 2].map((age) => version({ uid: `${name}${age}`, name, date: at(-age) })));
    expect(decide(versions, 0, at(365))).toEqual({ a1: 'newest_valid', a2: 'goes', b1: 'newest_valid', b2: 'goes' });
  });

  it('keeps two if the newest is dated in the future: its real date is unknown', () => {
    const versions = [-3, -2, 20, 30].map((days) => version({ uid: `at${days}`, date: at(days) }));
    expect(decide(versions)).toEqual({ 'at-3': 'goes', 'at-2': 'newest_valid', at20: 'goes', at30: 'newest_valid' });
  });

  it('keeps the newest version that has a date, if that of another is damaged', () => {
    const versions = [version({ uid: 'b', date: new Date(Number.NaN) }), version({ uid: 'a' })];
    for (const all of [versions, versions.toReversed()]) expect(decide(all)).toEqual({ a: 'newest_valid', b: 'goes' });
  });

  it('passes over protected and young ones; without an expire date, or until then, nothing goes', () => {
    const versions = [
      version({ uid: 'protected', protected: true }),
      version({ uid: 'young', date: at(-5) }),
      version({ uid: 'old', date: at(-6) }),
      version({ uid: 'for ever', expire: null }),
      version({ uid: 'now', expire: NOW }),
      version({ uid: 'newest', date: at(0), expire: null }),
    ];
    expect(decide(versions, 6)).toEqual({ protected: 'protected', young: 'too_young', old: 'goes' });
  });

  it('keeps the newest valid one that has a snapshot: the next differential backup starts from it', () => {
    const versions = [
      version({ uid: 'older', date: at(-9), snapshotName: 's1' }),
      version({ uid: 'base', date: at(-8), snapshotName: 's2' }),
      version({ uid: 'bad', date: at(-7), snapshotName: 's3', valid: false }),
      version({ uid: 'other', name: 'b', date: at(-7), snapshotName: 's4' }),
      version({ uid: 'newest', date: at(-6) }),
    ];
    expect(decide(versions)).toEqual({
      ...{ older: 'goes', base: 'base', bad: 'goes', other: 'newest_valid', newest: 'newest_valid' },
    });
  });

  const versions = fc.uniqueArray(
    fc.record<RuledVersion>({
      uid: fc.integer({ min: 0, max: 99 }).map(String),
      name: fc.constantFrom('a', 'b'),
      snapshotName: fc.constant(''),
      // Equal dates are likely, and some are in the future.
      date: fc.integer({ min: -6, max: 2 }).map(at),
      valid: fc.boolean(),
      protected: fc.boolean(),
      expire: fc.option(fc.integer({ min: -3, max: 3 }).map(at)),
    }),
    { selector: ({ uid }) => uid, maxLength: 12 },
  );

  it('leaves a good version of each name that had one, and only removes what has expired, is old and free', () => {
    fc.assert(
      fc.property(versions, fc.integer({ min: 0, max: 4 }), fc.integer({ min: -2, max: 400 }), (all, days, later) => {
        const now = at(later);
        const gone = new Set(
          Object.entries(decide(all, days, now))
            .filter(([, what]) => what === 'goes')
            .map(([uid]) => uid),
        );
        for (const name of ['a', 'b']) {
          const good = all.filter((one) => one.name === name && one.valid);
          const newest = Math.max(...good.map(({ date }) => date.getTime()));
          const left = good.filter(({ uid }) => !gone.has(uid));
          expect(left.some(({ date }) => date.getTime() === newest)).toBe(good.length > 0);
          // The rule keeps no more than it must.
          const kept = good.filter(({ uid }) => decide(all, 0, now)[uid] === 'newest_valid');
          expect(kept.length).toBeLessThanOrEqual(2);
        }
        for (const { expire, date, ...one } of all.filter(({ uid }) => gone.has(uid))) {
          expect(one.protected).toBe(false);
          expect(expire !== null && expire < now).toBe(true);
          if (days > 0) expect(now.getTime() - date.getTime()).toBeGreaterThanOrEqual(days * DAY_MS);
        }
      }),
    );
  });
});

describe('a clock that is far ahead', () => {
  it.each([
    ['no version at all', [], undefined],
    ['backups until today', [-40, -1, 0], undefined],
    ['only one of today', [0], undefined],
    ['a pause that is not too long', [-61], undefined],
    ['a longer pause', [-90, -61.1], -61.1],
    ['a longer pause, and backups since this night', [-90, -0.5, 0], -90],
    ['dates in the future', [-90, 400], -90],
  ])('%s', (_, days, since) => {
    const found = quietSince(
      days.map((day) => ({ date: at(day) })),
      NOW,
    );
    expect(found).toEqual(since === undefined ? undefined : at(since));
    expect(QUIET_DAYS).toBe(60);
  });
});
