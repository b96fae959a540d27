import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { removeVersion } from '../../../../src/core/versions/remove-version.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { BLOCK_SIZE, CoreLab } from '../../../support/labs/core-lab.ts';

const DAY_MS = 24 * 3600 * 1000;
const REFUSED = { code: 'refused', exitCode: 100 };

let lab: CoreLab;
let made: number;
beforeEach(async () => {
  lab = await CoreLab.create();
  await lab.newVersion('v1', BLOCK_SIZE);
  made = lab.now.getTime();
});
afterEach(() => lab.dispose());

const context = () => ({ ...lab.context, settings: { ...lab.context.settings, disallowRmWhenYoungerThanDays: 6 } });

describe('with disallow_rm_when_younger_than_days: 6', () => {
  it.each([
    { age: 'is new', ms: 0 },
    { age: 'is 5 days old', ms: 5 * DAY_MS },
    { age: 'lacks a millisecond of 6 days', ms: 6 * DAY_MS - 1 },
  ])('a version that $age is removed only with force', async ({ ms }) => {
    lab.now = new Date(made + ms);
    await expect(removeVersion(context(), 'v1', false)).rejects.toMatchObject(REFUSED);
    expect(await lab.meta.findVersion('v1')).toBeDefined();
    await removeVersion(context(), 'v1', true);
    expect(await lab.meta.findVersion('v1')).toBeUndefined();
  });

  it('a version of 6 days is removed', async () => {
    lab.now = new Date(made + 6 * DAY_MS);
    await removeVersion(context(), 'v1', false);
    expect(await lab.meta.findVersion('v1')).toBeUndefined();
  });
});

describe('a version that is dated in the future', () => {
  beforeEach(() => {
    lab.now = new Date(made - DAY_MS);
  });

  it('is removed where versions are kept for 0 days', async () => {
    await removeVersion(lab.context, 'v1', false);
    expect(await lab.meta.findVersion('v1')).toBeUndefined();
  });

  it('is too young where they are kept for longer', async () => {
    await expect(removeVersion(context(), 'v1', false)).rejects.toMatchObject(REFUSED);
  });
});

it('a protected version stays, however old it is, even with force', async () => {
  await lab.meta.setProtected('v1', true);
  lab.now = new Date(made + 1000 * DAY_MS);
  for (const force of [false, true]) await expect(removeVersion(context(), 'v1', force)).rejects.toMatchObject(REFUSED);
  expect(await lab.meta.findVersion('v1')).toBeDefined();
});

it('the last version of a name says that sla forgets it, unless a scheduler lists the name', async () => {
  const lines: string[] = [];
  const logger = { ...silentLogger, info: (line: string) => void lines.push(line) };
  const names = ['listed'];
  const schedulers = [{ name: 'daily', intervalSeconds: 1, keep: 1, slaSeconds: 1, names }];
  const where = { ...lab.context, logger, settings: { ...lab.context.settings, schedulers } };
  await lab.newVersion('v2', BLOCK_SIZE);
  await removeVersion(where, 'v1', false);
  expect(lines).toHaveLength(1);
  await removeVersion(where, 'v2', false);
  expect(lines.slice(2)).toEqual(['It was the last version of vm: sla no longer expects backups of that name.']);
  await lab.newVersion('v3', BLOCK_SIZE);
  names.push('vm');
  await removeVersion(where, 'v3', false);
  expect(lines).toHaveLength(4);
});
