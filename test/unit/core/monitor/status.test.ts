import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Context } from '../../../../src/core/context.ts';
import { recordSpace } from '../../../../src/core/monitor/measure-space.ts';
import { statusOf } from '../../../../src/core/monitor/status.ts';
import { removeExpired } from '../../../../src/core/versions/remove-expired.ts';
import type { BackupRow } from '../../../../src/model/block.ts';
import type { RunRecord } from '../../../../src/model/run-record.ts';
import { BLOCK_SIZE, CoreLab } from '../../../support/labs/core-lab.ts';

const DAILY = { name: 'daily', intervalSeconds: 86_400, keep: 1, slaSeconds: 6 * 3600 };

let lab: CoreLab;
let context: Context;
beforeEach(async () => {
  lab = await CoreLab.create();
  const settings = { ...lab.context.settings, schedulers: [DAILY], defaultSchedulers: ['daily'], slaSchedulers: ['daily'] };
  context = { ...lab.context, settings };
});
afterEach(() => lab.dispose());

/** Adds a version without blocks. */
async function add(name: string, uid: string, { hoursAgo = 1, valid = true, tags = ['daily'] } = {}): Promise<void> {
  const now = lab.now;
  lab.now = new Date(now.getTime() - hoursAgo * 3_600_000);
  await lab.meta.createVersion({ uid, name, snapshotName: '', size: 0, sizeBytes: 0, expire: lab.now, tags });
  if (valid) await lab.meta.finishBackup(await lab.version(uid), undefined);
  lab.now = now;
}

async function states(name?: string): Promise<string[]> {
  const { names } = await statusOf(context, name);
  return names.map((one) => `${one.name}: ${one.state}`);
}

const record = (more: Partial<RunRecord>): RunRecord => ({
  ...{ kind: 'job', name: 'web', job: 'web', host: 'h', started: lab.now, ended: lab.now, succeeded: null, failures: 1 },
  ...{ exitCode: 6, problem: 'No space.', reported: null, hook: null, ...more },
});

function row(id: number, uid = `blob${id}`): BackupRow {
  const content = { uid, checksum: `sum of ${uid}`, size: BLOCK_SIZE, encVersion: 0, envKey: null, nonce: null };
  return { id, ...content, found: false };
}

it('lists all names, the worst first, also those that have no version', async () => {
  await add('good', 'v1');
  await add('old', 'v2', { hoursAgo: 40 });
  await add('by hand', 'v3', { hoursAgo: 9999, tags: [] });
  await add('gone', 'v4');
  await removeExpired(context, { force: true, dryRun: true });
  lab.sql("DELETE FROM tags WHERE version_uid = 'v4'; DELETE FROM versions WHERE uid = 'v4'");
  const job = { key: 'new', source: 'file:///x', schedulers: ['daily'], name: undefined, hookTimeoutSeconds: 1 };
  context = { ...context, settings: { ...context.settings, jobs: [job] } };
  expect(await states()).toEqual(['gone: critical', 'new: critical', 'old: critical', 'by hand: ok', 'good: ok']);
  expect((await statusOf(context)).state).toBe('critical');
  expect(await states('good')).toEqual(['good: ok']);
  expect(await states('unknown')).toEqual(['unknown: critical']);
});

it('tells failed backups by the record of the job, until one goes well', async () => {
  await add('web', 'v1', { hoursAgo: 2 });
  await lab.meta.putRunRecord(record({ failures: 2 }));
  const [web] = (await statusOf(context)).names;
  expect(web).toMatchObject({ state: 'warning', lastProblem: { failures: 2, text: 'No space.' } });
  const before = { started: lab.now, ended: lab.now };
  lab.now = new Date(lab.now.getTime() + 60_000);
  await add('web', 'v2', { hoursAgo: 0 });
  // The command after the backup failed: the version is there.
  await lab.meta.putRunRecord(record({ ...before, ended: lab.now }));
  expect((await statusOf(context)).names[0]?.lastProblem).toMatchObject({ date: lab.now });
  await lab.meta.putRunRecord(record(before));
  expect((await statusOf(context)).names[0]?.lastProblem).toBeNull();
});

it('tells an unfinished backup without a record, but not a running one', async () => {
  await add('web', 'v1', { hoursAgo: 2 });
  await add('web', 'v2', { valid: false });
  const lock = await lab.otherLocks().tryAcquire('v2', 'exclusive');
  expect(await states()).toEqual(['web: ok']);
  await lock?.release();
  const [web] = (await statusOf(context)).names;
  expect(web).toMatchObject({ state: 'warning', damaged: [], lastProblem: { failures: 1 } });
  expect(web?.lastProblem?.text).toContain('did not finish (version v2)');
  await add('web', 'v3', { hoursAgo: 0 });
  expect((await statusOf(context)).names[0]?.lastProblem).toBeNull();
});

it('counts the bad blocks of the newest damaged version', async () => {
  await lab.wholeVersion('v1', [row(0), row(1), row(2)]);
  expect(await states()).toEqual(['vm: ok']);
  await lab.meta.markBlobsInvalid([1, 2].map((id) => ({ uid: `blob${id}`, checksum: `sum of blob${id}` })));
  const [vm] = (await statusOf(context)).names;
  expect(vm).toMatchObject({ state: 'critical', damaged: ['v1'], badBlocks: 2, invalid: 1 });
  expect(vm?.lastProblem).toBeNull();
  // As after an import.
  lab.sql('DELETE FROM stats');
  await lab.wholeVersion('v2', [row(0)]);
  expect((await statusOf(context)).names[0]).toMatchObject({ state: 'critical', damaged: ['v1'], badBlocks: 2 });
});

it('works while a cleanup has the installation, and on a database without our tables', async () => {
  await add('web', 'v1');
  const lock = await lab.otherLocks().tryAcquire('backy', 'exclusive');
  expect(await states()).toEqual(['web: ok']);
  await lock?.release();
  lab.sql('DROP TABLE backy2_runs; DROP TABLE backy2_space; DROP TABLE backy2_names');
  expect(await states()).toEqual(['web: ok']);
});

it('keeps measurements of space and verification', async () => {
  await lab.wholeVersion('v1', [row(0), row(1)]);
  await lab.wholeVersion('v2', [row(0), row(1, 'other')]);
  await lab.newVersion('running', BLOCK_SIZE);
  const lock = await lab.otherLocks().tryAcquire('running', 'exclusive');
  await lab.meta.recordChecks([{ uid: 'blob0', good: true }], Math.floor(lab.now.getTime() / 1000));
  const space = await recordSpace(context);
  await lock?.release();
  expect(space).toMatchObject({ versions: 2, names: 1, virtual: 4 * BLOCK_SIZE, real: 4 * BLOCK_SIZE, stored: 3 * BLOCK_SIZE });
  expect(space.kinds).toEqual({
    ...{ sparse: 0, dedup_own: 0, dedup_others: 2 * BLOCK_SIZE, individual: 2 * BLOCK_SIZE, unique: 3 * BLOCK_SIZE },
  });
  expect(space.verification).toMatchObject({
    blobs: 3,
    bad: 0,
    never: 2,
    verified: expect.arrayContaining([{ days: 7, blobs: 1 }]),
  });
  expect((await statusOf(context)).space).toEqual([space]);
  const encryption = { ...context.settings.encryption, version: 1 as const };
  const encrypted = { ...context, settings: { ...context.settings, encryption } };
  expect((await recordSpace(encrypted)).stored).toBeNull();
});
