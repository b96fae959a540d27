import { describe, expect, it } from 'vitest';
import { humanSize } from '../../../../src/cli/output/human-size.ts';
import { renderMachine } from '../../../../src/cli/output/machine.ts';
import { renderTable } from '../../../../src/cli/output/table.ts';
import type { TableData } from '../../../../src/cli/output/table-data.ts';
import { textWidth } from '../../../../src/cli/output/text-width.ts';

const TABLE: TableData = {
  columns: [
    { name: 'date', kind: 'date', align: 'center' },
    { name: 'name', kind: 'text', align: 'left' },
    { name: 'size_bytes', kind: 'bytes', align: 'right' },
    { name: 'valid', kind: 'flag', align: 'center' },
    { name: 'tags', kind: 'list', align: 'left' },
  ],
  rows: [
    [new Date('2026-01-02T03:04:05.678Z'), 'wide 日本', 122_885, true, ['a', 'b']],
    [null, 'esc\u001b[31m\n', 0, false, []],
  ],
};

describe('renderTable', () => {
  it('aligns by visible width, and escapes control characters', () => {
    expect(renderTable(TABLE, { skipHeader: false, human: false })).toBe(
      [
        '+---------------------+---------------+------------+-------+------+',
        '|         date        | name          | size_bytes | valid | tags |',
        '+---------------------+---------------+------------+-------+------+',
        '| 2026-01-02 03:04:05 | wide 日本     |     122885 |   1   | a,b  |',
        '|                     | esc\\x1b[31m\\n |          0 |   0   |      |',
        '+---------------------+---------------+------------+-------+------+',
        '',
      ].join('\n'),
    );
  });

  it('escapes characters that end a line or change its direction', () => {
    const rows = [
      ['\u202eevil\u2069', 1],
      ['\u2028\u0085\u009b', 2],
    ];
    expect(nameTable(rows, { skipHeader: true })).toEqual([
      '+------------------+---+',
      '| \\u202eevil\\u2069 | 1 |',
      '| \\u2028\\x85\\x9b   | 2 |',
      '+------------------+---+',
    ]);
  });

  it('aligns joined emoji, flags, marks and symbols', () => {
    const rows = ['e\u0301', '👨‍👩‍👧', '🫠', '👍🏽', '🇩🇪', '☃', '☃️', 'क्षि', 'ไทย', '한글'].map((name) => [name, 1]);
    expect(nameTable(rows, { skipHeader: true }).slice(1, -1)).toEqual([
      '| e\u0301    | 1 |',
      '| 👨‍👩‍👧   | 1 |',
      '| 🫠   | 1 |',
      '| 👍🏽   | 1 |',
      '| 🇩🇪   | 1 |',
      '| ☃    | 1 |',
      '| ☃️   | 1 |',
      '| क्षि   | 1 |',
      '| ไทย  | 1 |',
      '| 한글 | 1 |',
    ]);
  });

  it('puts an odd space to the right of a text of odd width, to the left of one of even width', () => {
    const columns = [{ name: 'flag', kind: 'text' as const, align: 'center' as const }];
    const rows = [['1'], ['12'], ['123'], ['日'], ['12345']];
    const lines = renderTable({ columns, rows }, { skipHeader: false, human: false }).split('\n');
    expect(lines.slice(1, -2)).toEqual([
      '|  flag |',
      '+-------+',
      '|   1   |',
      '|   12  |',
      '|  123  |',
      '|   日  |',
      '| 12345 |',
    ]);
  });

  it('draws more rows than a call can have arguments', () => {
    const rows = Array.from({ length: 200_000 }, (_, i) => ['x', i]);
    expect(nameTable(rows, { skipHeader: true })).toHaveLength(200_002);
  });

  it('draws an empty table with its header, and one without header and rows', () => {
    const empty = { ...TABLE, rows: [] };
    expect(renderTable(empty, { skipHeader: false, human: false }).split('\n')).toEqual([
      '+------+------+------------+-------+------+',
      '| date | name | size_bytes | valid | tags |',
      '+------+------+------------+-------+------+',
      '+------+------+------------+-------+------+',
      '',
    ]);
    expect(renderTable(empty, { skipHeader: true, human: false })).toBe('+--+--+--+--+--+\n+--+--+--+--+--+\n');
  });
});

function nameTable(rows: TableData['rows'], { skipHeader }: { skipHeader: boolean }): string[] {
  const columns: TableData['columns'] = [
    { name: 'name', kind: 'text', align: 'left' },
    { name: 'n', kind: 'number', align: 'right' },
  ];
  return renderTable({ columns, rows }, { skipHeader, human: false }).trimEnd().split('\n');
}

describe('textWidth', () => {
  it.each([
    ['combining e\u0301 😀', 14, 'as recorded'],
    ['wide 日本語 名前', 16, 'as recorded'],
    ['q,uoted,ü☃', 10, 'as recorded: a symbol in text style is narrow'],
    ['❤️‍🔥', 2, 'a heart in emoji style with a joined fire'],
    ['⛹🏻‍♀️', 2, 'a joined sign in emoji style adds nothing'],
    ['1️⃣', 2, 'a keycap'],
    ['a\u200db', 2, 'letters that are joined are seen both'],
    ['\u1112\u1161\u11ab', 2, 'the letters of one Hangul syllable'],
    ['ﾃﾞ', 2, 'halfwidth kana with their mark'],
    ['½…Ω', 3, 'ambiguous width'],
    ['a\u00adb\u200b', 3, 'a soft hyphen is seen, a zero width space is not'],
  ])('of %j is %i: %s', (text, width) => {
    expect(textWidth(text)).toBe(width);
  });
});

describe('renderMachine', () => {
  it('joins by | and escapes nothing', () => {
    const rows = [[null, 'a|b\nc', 5, true, ['x', 'y']]];
    const form = { skipHeader: true, human: false };
    expect(renderMachine({ ...TABLE, rows }, form)).toBe('|a|b\nc|5|1|x,y\n');
    expect(renderMachine({ ...TABLE, rows: [] }, { ...form, skipHeader: false })).toBe('date|name|size_bytes|valid|tags\n');
  });

  it('writes sizes with units when asked', () => {
    const rows = [[null, 'a', 122_885, true, []]];
    expect(renderMachine({ ...TABLE, rows }, { skipHeader: true, human: true })).toBe('|a|120 KiB|1|\n');
  });
});

describe('humanSize', () => {
  it.each([
    [0, '0'],
    [1, '1 B'],
    [1023, '1023 B'],
    [122_885, '120 KiB'],
    [5_000_000, '5 MiB'],
    [20 * 1024 ** 3, '20 GiB'],
  ])('writes %i as %s', (bytes, text) => {
    expect(humanSize(bytes)).toBe(text);
  });
});
