import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Context } from '../../../../src/core/context.ts';
import { reportDue, reportSla } from '../../../../src/core/reports/schedule-reports.ts';
import { slaBreaches } from '../../../../src/core/reports/sla.ts';
import { forgetName } from '../../../../src/core/versions/forget-name.ts';
import { removeExpired } from '../../../../src/core/versions/remove-expired.ts';
import { removeVersion } from '../../../../src/core/versions/remove-version.ts';
import { silentLogger } from '../../../../src/logger.ts';
import type { Scheduler } from '../../../../src/model/scheduler.ts';
import { CoreLab } from '../../../support/labs/core-lab.ts';

const HOUR = 3600;
const DAILY: Scheduler = { name: 'daily', intervalSeconds: 24 * HOUR, keep: 2, slaSeconds: 6 * HOUR };
const WEEKLY: Scheduler = { name: 'weekly', intervalSeconds: 168 * HOUR, keep: 1, slaSeconds: 12 * HOUR };

let lab: CoreLab;
beforeEach(async () => {
  lab = await CoreLab.create();
});
afterEach(() => lab.dispose());

const context = (names: Record<string, string[]> = {}, byAge = false): Context => {
  const schedulers = [DAILY, WEEKLY].map((one) => ({ ...one, names: names[one.name] }));
  return { ...lab.context, settings: { ...lab.context.settings, schedulers, slaNewNamesByAge: byAge } };
};
const BOTH = { schedulers: ['weekly', 'daily'] };

/** Adds a version without blocks, which expires at once. */
async function add(name: string, { hoursAgo = 0, valid = true, tags = ['daily'] } = {}): Promise<string> {
  const uid = `v${Math.random()}`;
  const now = lab.now;
  lab.now = new Date(now.getTime() - hoursAgo * HOUR * 1000);
  await lab.meta.createVersion({ uid, name, snapshotName: '', size: 0, sizeBytes: 0, expire: lab.now, tags });
  if (valid) await lab.meta.finishBackup(await lab.version(uid), undefined);
  lab.now = now;
  return uid;
}

/** The too few backups that sla reports. */
async function missing(where: Context, schedulers = ['daily']): Promise<string[]> {
  const breaches = await reportSla(where, { schedulers });
  return breaches.flatMap(({ name, breach }) => (breach.includes('Too few') ? [`${name} ${breach.replace(/: .*be/, '')}`] : []));
}

describe('names that schedulers list', () => {
  it('are due and missed by them without a version, and sorted among the others', async () => {
    await add('m');
    const where = context({ daily: ['z', 'ä', 'm', 'a'], weekly: ['z'] });
    expect(await missing(where, BOTH.schedulers)).toEqual([
      ...['a daily 2.', 'm weekly 1.', 'm daily 2.', 'z weekly 1.', 'z daily 2.', 'ä daily 2.'],
    ]);
    const due = await reportDue(where, BOTH);
    expect(due.map(({ name, schedulers }) => [name, ...schedulers])).toEqual([
      ...[
        ['a', 'daily'],
        ['m', 'weekly'],
        ['z', 'weekly', 'daily'],
        ['ä', 'daily'],
      ],
    ]);
    expect((await reportDue(where, { ...BOTH, name: 'a' })).map(({ schedulers }) => schedulers)).toEqual([['weekly', 'daily']]);
  });
});

describe('names that were seen', () => {
  it('are missed by sla once their versions are gone, but are not due', async () => {
    for (const name of ['lost', 'failed', 'never valid', 'ended'])
      await add(name, { valid: name !== 'never valid', hoursAgo: 1 });
    const [ended] = await lab.meta.listVersions({ name: 'ended' });
    lab.sql("DELETE FROM tags; DELETE FROM versions WHERE name = 'lost'; UPDATE versions SET valid = 0 WHERE name = 'failed'");
    expect((await removeExpired(context(), { force: false, dryRun: false })).removed.map(({ name }) => name)).toEqual([
      ...['failed', 'never valid'],
    ]);
    expect(await missing(context())).toEqual(['ended daily 2.', 'failed daily 2.', 'lost daily 2.', 'never valid daily 2.']);
    await removeVersion(context(), ended?.uid ?? '', false);
    expect(await missing(context())).toEqual(['failed daily 2.', 'lost daily 2.', 'never valid daily 2.']);
    expect(await reportDue(context(), { schedulers: ['daily'] })).toEqual([]);
  });

  it('are forgotten on demand, but not while they have versions', async () => {
    const uid = await add('vm');
    await expect(forgetName(context(), 'vm')).rejects.toMatchObject({ code: 'refused' });
    await lab.meta.removeVersion(uid, () => {}, 'keep');
    await forgetName(context(), 'vm');
    expect(await missing(context())).toEqual([]);
    await expect(forgetName(context(), 'vm')).rejects.toMatchObject({ code: 'notFound', hint: expect.stringContaining('sla') });
    const listed = forgetName(context({ weekly: ['vm'] }), 'vm');
    await expect(listed).rejects.toMatchObject({ hint: expect.stringContaining('[weekly]') });
    await lab.meta.removeVersion(await add('vm'), () => {}, 'keep');
    const warning = vi.fn();
    await forgetName({ ...context({ weekly: ['vm'] }), logger: { ...silentLogger, warning } }, 'vm');
    expect(warning.mock.calls).toEqual([[expect.stringContaining('section [weekly] lists it')]]);
  });

  it('need no table of our own: a database of the original has none', async () => {
    await add('vm');
    lab.sql('DROP TABLE backy2_names');
    expect(await missing(context())).toEqual(['vm daily 2.']);
  });
});

describe('sla_new_names: by-age', () => {
  it('expects of a new name what there was time for; invalid versions tell its age too', async () => {
    for (const hoursAgo of [0, 25]) await add('two days', { hoursAgo });
    await add('new');
    await add('missed', { hoursAgo: 31, valid: false });
    await add('old', { hoursAgo: 49 });
    expect(await missing(context({ daily: ['none'] }, true))).toEqual(['missed daily 1.', 'none daily 2.', 'old daily 2.']);
    expect(await missing(context())).toEqual(['missed daily 2.', 'new daily 2.', 'old daily 2.']);
  });

  it('does not take an old name for a new one when its older versions are gone', async () => {
    const uid = await add('vm', { hoursAgo: 100 });
    await add('vm');
    await removeVersion(context(), uid, true);
    expect(await missing(context({}, true))).toEqual(['vm daily 2.']);
  });

  const second = fc.double({ min: 0, max: 1, noNaN: true });
  it('never complains of too few backups that are all within the SLA', () => {
    fc.assert(
      fc.property(fc.array(second, { minLength: 1, maxLength: 9 }), fc.nat({ max: 8 }), (shares, keep) => {
        const scheduler = { ...DAILY, keep };
        const { intervalSeconds: interval, slaSeconds: sla } = scheduler;
        // The first one is late by up to interval + sla; so is the next one after the last.
        const since = new Date('2026-01-01T00:00:00Z');
        let at = since.getTime() / 1000;
        const [first = 0, ...others] = shares;
        at += Math.floor(first * (interval + sla));
        const dates = [at, ...others.map((share) => (at += Math.floor(interval - sla + share * 2 * sla)))];
        const now = new Date((at + Math.floor(first * (interval + sla))) * 1000);
        const versions = dates.map((date, i) => ({
          uid: `${i}`,
          date: new Date(date * 1000),
          valid: true,
          tags: ['daily'],
          expire: null,
        }));
        const isYoung = now.getTime() - since.getTime() < keep * interval * 1000;
        const breaches = slaBreaches([{ name: 'vm', versions, since }], [scheduler], now);
        const tooFew = breaches.filter(({ breach }) => breach.includes('Too few'));
        expect(tooFew).toHaveLength(isYoung || versions.length >= keep ? 0 : 1);
      }),
      { examples: [[[1], 8]] },
    );
  });
});
