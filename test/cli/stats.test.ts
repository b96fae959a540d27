import { afterAll, beforeAll, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { expectFailure } from '../support/labs/expect-failure.ts';
import { Lab } from '../support/labs/lab.ts';

const BLOCK = 4096;
const FIELDS = [
  ...['date', 'uid', 'name', 'size bytes', 'size blocks', 'bytes read', 'blocks read', 'bytes written', 'blocks written'],
  ...['bytes dedup', 'blocks dedup', 'bytes sparse', 'blocks sparse', 'duration (s)'],
];
const UNKNOWN = '11111111-1111-1111-8111-111111111111';

let lab: Lab;
/** In order of creation; the third was removed. */
let uids: string[];
beforeAll(async () => {
  lab = await Lab.create({ blockSize: BLOCK, workers: 1 });
  const image = Buffer.concat([noise(BLOCK, 'a'), noise(BLOCK, 'a'), Buffer.alloc(BLOCK), noise(5, 'b')]);
  const source = `file://${lab.write('image', image)}`;
  uids = [await lab.backup(source, 'z'), await lab.backup(source, 'a'), await lab.backup(source, 'm')];
  await lab.ok('rm', uids[2] ?? '');
});
afterAll(() => lab.remove());

const listed = async (...args: string[]) => (await lab.ok('-ms', 'stats', '-f', 'uid', ...args)).split('\n').filter(Boolean);

test('stats lists all backups, oldest first, including those of removed versions', async () => {
  expect(await listed()).toEqual(uids);
});

test('a negative limit is no limit, with a warning', async () => {
  expect(await lab.ok('stats', '-l', '-5')).toMatch(/^ WARNING: -l -5 is negative: all backups are shown\.$/m);
});

test.each([
  ['0', 0],
  ['1', 1],
  ['2', 2],
  ['9', 3],
  ['-1', 3],
])('stats -l %s takes the newest %i, oldest first', async (limit, count) => {
  expect(await listed('-l', limit)).toEqual(uids.slice(3 - count));
});

test('stats orders by the date, not by the order of the rows', async () => {
  const copy = await lab.clone('linked');
  try {
    copy.sql("UPDATE stats SET date = '2001-02-03 04:05:06' WHERE version_uid = ?", uids[1] ?? '');
    expect((await copy.ok('-ms', 'stats', '-f', 'date,name')).split('\n')[0]).toBe('2001-02-03 04:05:06|a');
    expect(await copy.ok('-ms', 'stats', '-f', 'name', '-l', '2')).toBe('z\nm\n');
  } finally {
    copy.remove();
  }
});

test('stats UID takes the backups of that version; a uid without any gives an empty table', async () => {
  expect(await listed(uids[1] ?? '')).toEqual([uids[1]]);
  expect(await listed(uids[1] ?? '', '-l', '0')).toEqual([]);
  expect(await lab.ok('-m', 'stats', UNKNOWN)).toBe(`${FIELDS.join('|')}\n`);
});

test('stats counts each block once, as written, dedup or sparse', async () => {
  const first = (await lab.ok('-ms', 'stats', uids[0] ?? '')).trim().split('|').slice(2, -1);
  expect(first.join('|')).toBe(`z|${3 * BLOCK + 5}|4|${3 * BLOCK + 5}|4|${BLOCK + 5}|2|${BLOCK}|1|${BLOCK}|1`);
  const second = (await lab.ok('-ms', 'stats', uids[1] ?? '')).trim().split('|').slice(2, -1);
  expect(second.join('|')).toBe(`a|${3 * BLOCK + 5}|4|${3 * BLOCK + 5}|4|0|0|${2 * BLOCK + 5}|3|${BLOCK}|1`);
});

test('stats -f picks and orders columns; an unknown one is an error that lists the known ones', async () => {
  expect(await lab.ok('-m', 'stats', '-f', ' blocks read , name', '-l', '1')).toBe('blocks read|name\n4|m\n');
  const result = await lab.run(['stats', '-f', 'name,bytes']);
  expectFailure(result, 100, 'Unknown field "bytes"');
  expect(result.stderr).toContain(`Known fields: ${FIELDS.join(',')}`);
});

test('stats -l takes only a whole number', async () => {
  for (const limit of ['abc', '1.5', '']) expectFailure(await lab.run(['stats', '-l', limit]), 2, '-l takes a whole number');
});

test('stats --json has numbers as numbers and times with Z', async () => {
  const [row] = JSON.parse(await lab.ok('--json', 'stats', '-l', '1')) as Record<string, unknown>[];
  expect(Object.keys(row ?? {})).toEqual(FIELDS);
  expect(row).toMatchObject({ uid: uids[2], name: 'm', 'size blocks': 4, date: expect.stringMatching(/T[\d:.]+Z$/) });
});
