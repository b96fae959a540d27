import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { expectFailure } from '../support/labs/expect-failure.ts';
import { Lab } from '../support/labs/lab.ts';

const BLOCK = 4096;

let lab: Lab;
/** The export of a version that was removed later. */
let exported: string;
beforeAll(async () => {
  lab = await Lab.create({ blockSize: BLOCK, workers: 1 });
  const image = Buffer.concat([noise(2 * BLOCK, 'image'), Buffer.alloc(BLOCK), noise(100, 'tail')]);
  const uid = await lab.backup(`file://${lab.write('image', image)}`, 'vm');
  exported = await lab.ok('-m', 'export', uid, '-');
  await lab.ok('rm', uid);
});
afterAll(() => lab.remove());

const BROKEN: [what: string, edit: (text: string) => string][] = [
  ['is empty', () => ''],
  ['is something else', () => 'some,other\r\nfile\r\n'],
  ['has an unknown format', (text) => text.replace('2.12', '2.99')],
  ['has no version', (text) => text.split('\r\n').slice(0, 1).join('\r\n')],
  ['has no blocks', (text) => text.split('\r\n').slice(0, 2).join('\r\n')],
  ['lacks its last line', (text) => text.trimEnd().split('\r\n').slice(0, -1).join('\r\n')],
  ['ends within a line', (text) => text.slice(0, -60)],
  ['has a block twice', (text) => `${text}${text.trimEnd().split('\r\n').at(-1)}\r\n`],
  ['lacks a block in the middle', (text) => text.split('\r\n').toSpliced(3, 1).join('\r\n')],
  [
    'has blocks of another version',
    (text) => text.replace(/,([0-9a-f])([0-9a-f-]{35}),1,/, (_, first, rest) => `,${other(first)}${rest},1,`),
  ],
  ['has a size that is no number', (text) => text.replace(',4,', ',four,')],
  ['has an impossible date', (text) => text.replace(/,20\d\d-\d\d-\d\d /, ',2023-99-99 ')],
  [
    'has a blob uid that leaves the blob folder',
    (text) => text.replace(/\r\n[0-9a-f]{10}\w{22},/, '\r\n../../../../etc/passwd0000000000,'),
  ],
  ['has an unclosed quote', (text) => text.replace(',vm', ',"vm')],
];

describe('an import that', () => {
  test.each(BROKEN)('%s exits 23 and changes nothing', async (_, edit) => {
    const before = lab.dump();
    const file = lab.write('broken.csv', edit(exported));
    const result = await lab.run(['import', file]);
    expectFailure(result, 23, /import/i);
    expect(lab.dump()).toEqual(before);
    expect(lab.lockFiles()).toEqual([]);
  });

  test('is whole is read, after all of them', async () => {
    expect(await lab.run(['import', '-'], { stdin: exported })).toMatchObject({ code: 0 });
    expect(lab.versions()).toHaveLength(1);
  });
});

function other(digit: string): string {
  return digit === '0' ? '1' : '0';
}
