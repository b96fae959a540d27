import { describe, expect, it } from 'vitest';
import { humanSize } from '../../src/cli/render/human-size.ts';
import { renderMachine } from '../../src/cli/render/machine.ts';
import { duration, statusText } from '../../src/cli/render/status-text.ts';
import { renderTable } from '../../src/cli/render/table.ts';
import type { TableData } from '../../src/cli/render/table-data.ts';

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
  it('aligns by what is seen, and shows control characters instead of sending them', () => {
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

  it('draws an empty table with its header, and one without header and rows', () => {
    const empty = { ...TABLE, rows: [] };
    expect(renderTable(empty, { skipHeader: false, human: false }).split('\n')).toEqual([
      '+------+------+------------+-------+------+',
      '| date | name | size_bytes | valid | tags |',
      '+------+------+------------+-------+------+',
      '+------+------+------------+-------+------+',
      '',
    ]);
  });
});

describe('renderMachine', () => {
  it('joins by | and escapes nothing', () => {
    const rows = [[null, 'a|b\nc', 5, true, ['x', 'y']]];
    expect(renderMachine({ ...TABLE, rows }, { skipHeader: true })).toBe('|a|b\nc|5|1|x,y\n');
    expect(renderMachine({ ...TABLE, rows: [] }, { skipHeader: false })).toBe('date|name|size_bytes|valid|tags\n');
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

describe('status lines', () => {
  it.each([
    [0, '0s'],
    [83, '83s'],
    [119.2, '2m0s'],
    [92 + 60, '2m32s'],
    [59 * 3600 + 61, '59h1m'],
  ])('write %d seconds as %s', (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });

  it('look as scripts know them', () => {
    const progress = { phase: 'data' as const, doneBlocks: 115, totalBlocks: 1000, doneBytes: 93_000_000, load: 1, lastId: 42 };
    expect(statusText({ operation: 'backup', what: 'rbd://vms/test@snap' }, progress, 1)).toBe(
      'Backing up (2/2: Data) rbd://vms/test@snap Read Queue [==========] Write Queue [=====     ] (11.5% 93.0MB/sØ ETA 8s)',
    );
    expect(statusText({ operation: 'restore', what: 'file:///x' }, progress, 1)).toMatch(
      /^Restore phase 2\/2 \(data\) to file:\/\/\/x .* Last ID: 42$/,
    );
  });

  it('never say 100 % before all is done', () => {
    const progress = { phase: 'data' as const, doneBlocks: 99_999, totalBlocks: 100_000, doneBytes: 1, load: 0, lastId: -1 };
    expect(statusText({ operation: 'scrub', what: 'x' }, progress, 1)).toContain('(99.9% ');
    expect(statusText({ operation: 'scrub', what: 'x' }, { ...progress, doneBlocks: 100_000 }, 1)).toContain('(100.0% ');
  });
});
