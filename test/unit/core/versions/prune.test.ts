import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockVersion } from '../../../../src/core/versions/locks.ts';
import { bySchedulers, prune } from '../../../../src/core/versions/prune.ts';
import { choose } from '../../../../src/core/versions/removal-rule.ts';
import type { RemovalRequest } from '../../../../src/core/versions/remove-unwanted.ts';
import type { Scheduler } from '../../../../src/model/scheduler.ts';
import type { TaggedVersion } from '../../../../src/model/version.ts';
import { CoreLab } from '../../../support/labs/core-lab.ts';
import { type ModelVersion, modelPrune } from './prune-model.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const NOW = Date.UTC(2026, 10, 23, 4, 42);

const scheduler = (name: string, keep: number): Scheduler => ({ name, keep, intervalSeconds: 86_400, slaSeconds: 3_600 });
const broken = (name: string) => ({ name, problem: `[${name}] keep: is missing.` });

const tags = fc.subarray(['hourly', 'daily', 'broken', 'by hand']);
const versions = fc.uniqueArray(
  fc.record<ModelVersion>({
    uid: fc.integer({ min: 0, max: 99 }).map(String),
    name: fc.constantFrom('a', 'b'),
    // Equal dates are likely, and some are in the future; a minute ahead is not.
    at: fc.integer({ min: -40, max: 4 }).map((hours) => NOW + hours * 6 * HOUR_MS + 60_000),
    expires: fc.option(fc.integer({ min: -3, max: 3 }).map((days) => NOW + days * DAY_MS)),
    valid: fc.boolean(),
    protected: fc.nat(9).map((n) => n === 0),
    hasSnapshot: fc.boolean(),
    tags,
  }),
  { selector: ({ uid }) => uid, maxLength: 16 },
);

const asStored = (one: ModelVersion): TaggedVersion => ({
  ...{ uid: one.uid, name: one.name, date: new Date(one.at), snapshotName: one.hasSnapshot ? 's' : '', size: 0, sizeBytes: 0 },
  ...{
    valid: one.valid,
    protected: one.protected,
    expire: one.expires === null ? null : new Date(one.expires),
    tags: [...one.tags],
  },
});

const keeps = fc.record({ hourly: fc.nat(4), daily: fc.nat(3) });
/** Versions, what schedulers keep, the age in days until which versions are young, and `force`. */
const cases = fc.tuple(versions, keeps, fc.nat(12), fc.boolean());
type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

const modelOf = ([all, kept, youngerThanDays, force]: Case) =>
  modelPrune({ versions: all, keeps: kept, broken: ['broken'], now: NOW, youngerThanDays, force });

describe('the rule of prune', () => {
  it('is that of a model which counts by the page', () => {
    fc.assert(
      fc.property(cases, ([all, kept, youngerThanDays, force]) => {
        const model = modelOf([all, kept, youngerThanDays, force]);
        const stored = all.map(asStored);
        const now = new Date(NOW);
        const settings = {
          schedulers: Object.entries(kept).map(([name, keep]) => scheduler(name, keep)),
          brokenSchedulers: [broken('broken')],
        };
        const limit = { now, youngerThanDays: force ? 0 : youngerThanDays, ignoresExpire: force };
        const choices = choose(stored, bySchedulers(settings).unwanted(stored, now), limit);
        expect(Object.fromEntries(choices.map(({ version, why, keep }) => [version.uid, `${why}: ${keep ?? 'goes'}`]))).toEqual(
          model,
        );
      }),
      { numRuns: 1_000 },
    );
  });

  it('is tried with every reason to go and to stay', () => {
    const outcomes = fc.sample(cases, { numRuns: 2_000, seed: 1 }).flatMap((one) => Object.values(modelOf(one)));
    expect([...new Set(outcomes)].sort()).toEqual(
      [
        ...['beyond_keep: base', 'beyond_keep: goes', 'beyond_keep: newest_valid', 'beyond_keep: not_expired'],
        ...['beyond_keep: protected', 'beyond_keep: too_young', 'beyond_keep: unfinished'],
        ...['expired: base', 'expired: goes', 'expired: newest_valid', 'expired: protected', 'expired: too_young'],
      ].sort(),
    );
  });
});

describe('prune', () => {
  let lab: CoreLab;
  let warnings: string[];
  beforeEach(async () => {
    lab = await CoreLab.create();
    warnings = [];
  });
  afterEach(() => lab.dispose());

  /** A context with a scheduler `daily` that keeps 2. */
  function context(settings: Partial<typeof lab.context.settings> = {}) {
    const logger = { ...lab.context.logger, warning: (line: string) => void warnings.push(line) };
    return { ...lab.context, logger, settings: { ...lab.context.settings, schedulers: [scheduler('daily', 2)], ...settings } };
  }

  async function daily(uid: string, { tag = 'daily', expire = null as Date | null, valid = true } = {}): Promise<void> {
    await lab.meta.createVersion({ uid, name: 'vm', snapshotName: '', size: 0, sizeBytes: 0, expire, tags: [tag] });
    if (valid) await lab.meta.setVersionValid(uid);
    lab.now = new Date(lab.now.getTime() + DAY_MS);
  }

  const run = (request: Partial<RemovalRequest> = {}, by = context()) => prune(by, { force: false, dryRun: false, ...request });
  const left = async () => (await lab.meta.listVersions({})).map(({ uid }) => uid);

  it('removes what expired and what is beyond keep, and says why; a dry run says the same and removes nothing', async () => {
    await daily('v1', { expire: new Date(lab.now.getTime() + DAY_MS) });
    for (const uid of ['v2', 'v3', 'v4', 'v5']) await daily(uid);
    await lab.meta.setProtected('v3', true);
    const planned = await run({ dryRun: true });
    expect(planned).toMatchObject({
      dryRun: true,
      removed: [
        { uid: 'v1', name: 'vm', why: 'expired' },
        { uid: 'v2', name: 'vm', why: 'beyond_keep' },
      ],
      kept: [{ uid: 'v3', name: 'vm', why: 'beyond_keep', reason: 'protected' }],
    });
    expect(await left()).toHaveLength(5);
    expect(await run()).toEqual({ ...planned, dryRun: false });
    expect(await left()).toEqual(['v3', 'v4', 'v5']);
    expect(await run()).toMatchObject({ removed: [] });
  });

  it('keeps a promise of an expire date, until it has passed or with -f', async () => {
    const expire = new Date(lab.now.getTime() + 9 * DAY_MS);
    for (const uid of ['v1', 'v2', 'v3', 'v4']) await daily(uid, { expire });
    expect(await run()).toMatchObject({
      removed: [],
      kept: [
        { uid: 'v1', reason: 'not_expired' },
        { uid: 'v2', reason: 'not_expired' },
      ],
    });
    await run({ force: true });
    expect(await left()).toEqual(['v3', 'v4']);
  });

  it('counts no failed backups: they push nothing out', async () => {
    for (const uid of ['v1', 'v2']) await daily(uid);
    for (const uid of ['bad1', 'bad2', 'bad3']) await daily(uid, { valid: false });
    expect(await run()).toMatchObject({ removed: [], kept: [] });
  });

  it('passes over versions in use, and those of a scheduler that is broken, with a warning', async () => {
    for (const uid of ['v1', 'v2', 'v3', 'v4']) await daily(uid);
    const reader = await lockVersion(lab.otherLocks(), 'v1', 'shared');
    expect((await run()).kept).toMatchObject([{ uid: 'v1', reason: 'in_use' }]);
    await reader.release();
    const unknown = context({ schedulers: [], brokenSchedulers: [broken('daily')] });
    expect(await run({}, unknown)).toMatchObject({ removed: [], kept: [] });
    expect(warnings).toEqual(['Versions with the tag "daily" that have not expired are kept (3): [daily] keep: is missing.']);
    expect(await left()).toEqual(['v1', 'v3', 'v4']);
  });

  it('decides again under the lock: a version that lost a newer one is wanted again', async () => {
    for (const uid of ['v1', 'v2', 'v3']) await daily(uid);
    let calls = 0;
    const meta = Object.create(lab.meta, {
      listVersions: {
        async value(filter: object) {
          if (++calls === 2) await lab.meta.removeVersion('v2', () => {});
          return lab.meta.listVersions(filter);
        },
      },
    }) as typeof lab.meta;
    expect(await run({}, { ...context(), meta })).toMatchObject({ removed: [], kept: [] });
    expect(await left()).toEqual(['v1', 'v3']);
  });

  it('refuses a clock that looks wrong; -f believes it', async () => {
    for (const uid of ['v1', 'v2', 'v3']) await daily(uid);
    lab.now = new Date(lab.now.getTime() + 365 * DAY_MS);
    await expect(run()).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('No unwanted version was removed'),
    });
    await run({ force: true });
    expect(await left()).toEqual(['v2', 'v3']);
  });

  it('takes one name, and refuses one that has no version', async () => {
    for (const uid of ['v1', 'v2', 'v3']) await daily(uid);
    await expect(run({ name: 'other' })).rejects.toMatchObject({ code: 'notFound' });
    await run({ name: 'vm' });
    expect(await left()).toEqual(['v2', 'v3']);
  });
});
