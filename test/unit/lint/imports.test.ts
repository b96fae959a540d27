import { describe, expect, test } from 'vitest';
import { circles, readImports, wrongArrows } from '../../../scripts/lint/imports.mjs';
import { FLOORS, roomOf } from '../../../scripts/lint/rooms.mjs';

const tree = (files: Record<string, string[]>) => new Map(Object.entries(files));

describe('arrows between rooms', () => {
  test.each([
    ['up', { 'model/block.ts': ['core/context.ts'] }],
    ['up between rooms of core', { 'core/blocks/row-committer.ts': ['core/backup/backup.ts'] }],
    ['to a room below that must stay unknown', { 'meta/open-store.ts': ['data/options.ts'] }],
    ['sideways', { 'nbd/disk.ts': ['fuse/mount.ts'] }],
    ['to the top from inside core', { 'core/context.ts': ['core/backup/backup.ts'] }],
  ])('may not run %s', (_, files) => {
    expect(wrongArrows(tree(files))).toHaveLength(1);
  });

  test('may run down and stay in their room', () => {
    const files = { 'cli/main.ts': ['core/backy.ts', 'cli/run.ts'], 'core/backy.ts': ['core/backup/backup.ts'] };
    expect(wrongArrows(tree(files))).toEqual([]);
  });

  test('need a room at both ends', () => {
    expect(wrongArrows(tree({ 'attic/box.ts': [] }))).toEqual(['attic/box.ts: is in no room of scripts/lint/rooms.mjs']);
  });
});

test('the longest path that fits a file names its room', () => {
  expect(FLOORS[roomOf('core/backy.ts')]?.path).toBe('core/backy.ts');
  expect(FLOORS[roomOf('core/context.ts')]?.path).toBe('core');
  expect(FLOORS[roomOf('core/blocks/deduplicator.ts')]?.path).toBe('core/blocks');
});

describe('circles', () => {
  test('are found, however long, each with its files', () => {
    const files = { 'a.ts': ['b.ts'], 'b.ts': ['c.ts'], 'c.ts': ['a.ts', 'd.ts'], 'd.ts': ['e.ts'], 'e.ts': ['d.ts'] };
    expect(circles(tree(files))).toEqual([
      ['d.ts', 'e.ts'],
      ['a.ts', 'b.ts', 'c.ts'],
    ]);
  });

  test('are not seen where two ways lead to one file', () => {
    expect(circles(tree({ 'a.ts': ['b.ts', 'c.ts'], 'b.ts': ['d.ts'], 'c.ts': ['d.ts'], 'd.ts': [] }))).toEqual([]);
  });

  test('of types count: those imports are read as well', () => {
    const imports = readImports();
    // `import type` alone leads there.
    expect(imports.get('core/backup/request.ts')).toContain('core/plan/hints.ts');
  });
});
