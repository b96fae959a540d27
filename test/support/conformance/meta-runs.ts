import { describe, expect, it } from 'vitest';
import type { RunRecord, SpaceRecord } from '../../../src/model/run-record.ts';
import { type MetaLab, NOW } from './meta-lab.ts';

const DAY_MS = 86_400_000;
/** The stores keep whole seconds. */
const AT = new Date(Math.floor(NOW.getTime() / 1000) * 1000);
const plus = (days: number) => new Date(AT.getTime() + days * DAY_MS);

const RECORD: RunRecord = {
  ...{ kind: 'job', name: 'web', job: 'web', host: 'node1', started: AT, ended: plus(1), succeeded: null },
  ...{ failures: 2, exitCode: 22, problem: 'The disk is full.', reported: plus(2), hook: 'before' },
};
const SPACE: SpaceRecord = {
  ...{ date: AT, virtual: 2 ** 50, real: 12, stored: null, versions: 3, names: 2, kinds: { individual: 7 } },
};

/** RunStore. */
export function metaRunsSuite(lab: MetaLab): void {
  describe('records of runs', () => {
    const sorted = async () =>
      (await lab.meta.runRecords()).sort((a, b) => `${a.kind} ${a.name}`.localeCompare(`${b.kind} ${b.name}`));

    it('there are none in a new database', async () => {
      expect([await lab.meta.runRecords(), await lab.meta.spaceHistory()]).toEqual([[], []]);
    });

    it('come back as they were put, one for each kind and name, however long it is', async () => {
      const step: RunRecord = {
        ...{ ...RECORD, kind: 'step', name: 'web', job: '', ended: null, succeeded: AT, failures: 0 },
        ...{ exitCode: 0, problem: null, reported: null, hook: null },
      };
      const long: RunRecord = { ...RECORD, name: 'ü'.repeat(5000), job: 'x'.repeat(5000) };
      for (const record of [RECORD, step, long]) await lab.meta.putRunRecord(record);
      expect(await sorted()).toEqual(
        [long, RECORD, step].sort((a, b) => `${a.kind} ${a.name}`.localeCompare(`${b.kind} ${b.name}`)),
      );
      const better: RunRecord = { ...RECORD, job: 'other', host: 'node2', failures: 0, problem: null, hook: null };
      await lab.meta.putRunRecord({ ...better, reported: null });
      expect((await sorted()).filter(({ name }) => name === 'web')).toEqual([better, step]);
      expect(await lab.meta.findRunRecord({ kind: 'step', name: 'web' })).toEqual(step);
      expect(await lab.meta.findRunRecord({ kind: 'run', name: 'web' })).toBeUndefined();
    });

    it('take a problem with characters that no database keeps', async () => {
      await lab.meta.putRunRecord({ ...RECORD, problem: 'a\0b \ud800 c' });
      expect(await lab.meta.runRecords()).toEqual([{ ...RECORD, problem: 'a\ufffdb \ufffd c' }]);
    });

    it('are marked as reported, and nothing else of them changes', async () => {
      const other: RunRecord = { ...RECORD, kind: 'step' };
      for (const record of [RECORD, other]) await lab.meta.putRunRecord(record);
      await lab.meta.setReported(
        [
          { kind: 'job', name: 'web' },
          { kind: 'run', name: 'none' },
        ],
        plus(3),
      );
      expect(await sorted()).toEqual([{ ...RECORD, reported: plus(3) }, other]);
      await lab.meta.setReported([other], null);
      expect(await sorted()).toEqual([
        { ...RECORD, reported: plus(3) },
        { ...other, reported: null },
      ]);
    });

    it('are forgotten by kind and name', async () => {
      const other: RunRecord = { ...RECORD, kind: 'step' };
      for (const record of [RECORD, other]) await lab.meta.putRunRecord(record);
      await lab.meta.forgetRunRecords([
        { kind: 'job', name: 'web' },
        { kind: 'job', name: 'none' },
      ]);
      expect(await lab.meta.runRecords()).toEqual([other]);
    });

    it('are seen by another store of the database', async () => {
      await lab.meta.putRunRecord(RECORD);
      const other = lab.fixture.store();
      await other.open();
      expect(await other.runRecords()).toEqual([RECORD]);
      await other.close();
    });
  });

  describe('space over time', () => {
    const dates = async () => (await lab.meta.spaceHistory()).map(({ date }) => date);

    it('comes back oldest first, as it was measured', async () => {
      const later: SpaceRecord = { ...SPACE, date: plus(1), stored: 5, kinds: {} };
      await lab.meta.addSpace(later);
      await lab.meta.addSpace(SPACE);
      expect(await lab.meta.spaceHistory()).toEqual([SPACE, later]);
    });

    it('has one record of each day: the last one', async () => {
      const morning = new Date('2026-11-23T00:00:00Z');
      const evening = new Date('2026-11-23T23:59:59Z');
      const next = new Date('2026-11-24T00:00:00Z');
      for (const date of [morning, evening, next]) await lab.meta.addSpace({ ...SPACE, date });
      expect(await dates()).toEqual([evening, next]);
    });

    it('has one record of each week that is over 400 days ago', async () => {
      const days = Array.from({ length: 450 }, (_, day) => plus(day));
      for (const date of days) await lab.meta.addSpace({ ...SPACE, date });
      const kept = await dates();
      expect(kept.slice(-400)).toEqual(days.slice(-400));
      const weekly = kept.slice(0, -400).map((date) => Math.floor(date.getTime() / (7 * DAY_MS)));
      expect(new Set(weekly).size).toBe(weekly.length);
      expect(weekly.length).toBeGreaterThanOrEqual(7);
      expect(weekly.length).toBeLessThanOrEqual(9);
    });
  });
}
