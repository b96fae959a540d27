import { afterEach, beforeEach, expect, test } from 'vitest';
import { backup } from '../../../../src/core/backup/backup.ts';
import { mostFreed } from '../../../../src/core/monitor/freed.ts';
import { gatherReport } from '../../../../src/core/monitor/report-data.ts';
import { noise } from '../../../support/images/random.ts';
import { BLOCK_SIZE, CoreLab } from '../../../support/labs/core-lab.ts';

let lab: CoreLab;
beforeEach(async () => {
  lab = await CoreLab.create();
  lab.context.settings.workers = undefined;
});
afterEach(() => lab.dispose());

async function backUp(name: string, content: Buffer): Promise<string> {
  const { uid } = await backup(lab.context, {
    source: lab.source(content, name),
    name,
    tags: [],
  });
  return uid;
}

const shared = noise(BLOCK_SIZE, 'shared');

test('an empty installation has a report', async () => {
  const data = await gatherReport(lab.context, { quick: false });
  expect(data).toMatchObject({ versions: [], byName: [], freed: [], coverage: { blobs: 0 } });
  expect(data.status.names).toEqual([]);
});

test('a report has calendar, activity, coverage and what removals would free', async () => {
  const small = await backUp('small', Buffer.concat([shared, noise(BLOCK_SIZE, 'a')]));
  const large = await backUp('large', Buffer.concat([shared, noise(3 * BLOCK_SIZE, 'b')]));
  const data = await gatherReport(lab.context, { quick: false });
  expect(data.status.names.map(({ name }) => name).sort()).toEqual(['large', 'small']);
  expect(data.calendar.get('small')?.at(-1)).toEqual({ kept: 1, removed: 0, invalid: 0 });
  expect(data.byDay.at(-1)?.backups).toBe(2);
  expect(data.byName).toHaveLength(2);
  expect(data.coverage).toMatchObject({ blobs: 5, never: 5 });
  expect(data.freed?.map(({ version, freedBytes, isNewest }) => [version.uid, freedBytes, isNewest])).toEqual([
    [large, 3 * BLOCK_SIZE, true],
    [small, BLOCK_SIZE, true],
  ]);
});

test('a quick report reads no blocks, and takes the coverage that was measured last', async () => {
  await backUp('vm', shared);
  const refuse = () => Promise.reject(new Error('reads all blocks'));
  const meta = new Proxy(lab.meta, {
    get: (store, key) => (key === 'diskUsage' || key === 'coverage' ? refuse : Reflect.get(store, key).bind(store)),
  });
  const context = { ...lab.context, meta };
  expect(await gatherReport(context, { quick: true })).toMatchObject({ coverage: undefined, freed: undefined });
  const verification = { blobs: 1, bad: 0, never: 0, verified: [{ days: 7, blobs: 1 }] };
  const numbers = { virtual: 1, real: 1, stored: 1, versions: 1, names: 1, kinds: {} };
  await lab.meta.addSpace({ date: lab.now, ...numbers, verification });
  expect((await gatherReport(context, { quick: true })).coverage).toEqual({ ...verification, date: lab.now, oldest: null });
});

test('invalid versions free nothing, and none of them is the newest', async () => {
  const first = await backUp('vm', noise(BLOCK_SIZE, 'old'));
  lab.now = new Date(lab.now.getTime() + 60_000);
  const second = await backUp('vm', noise(2 * BLOCK_SIZE, 'new'));
  await lab.meta.setVersionInvalid(second);
  const rows = await mostFreed(lab.context, await lab.meta.listVersions({}));
  expect(rows.map(({ version, isNewest }) => [version.uid, isNewest])).toEqual([[first, true]]);
});
