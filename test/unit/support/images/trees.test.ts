import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { copyTree } from '../../../support/images/trees.ts';

let folder: string;
const at = (name: string) => join(folder, name);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-trees-'));
  mkdirSync(at('from/ab/cd'), { recursive: true });
  mkdirSync(at('from/.tmp'), { mode: 0o700 });
  writeFileSync(at('from/ab/cd/one.blob'), 'one', { mode: 0o640 });
  utimesSync(at('from/ab/cd/one.blob'), 1_000_000, 1_000_000);
  mkdirSync(at('to'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('a tree is linked, with the modes of its folders', () => {
  copyTree(at('from'), at('to'), 'linked');
  expect(statSync(at('to/ab/cd/one.blob')).ino).toBe(statSync(at('from/ab/cd/one.blob')).ino);
  expect(statSync(at('to/.tmp')).mode).toBe(statSync(at('from/.tmp')).mode);
});

test('a tree is copied, with modes and times of its files', () => {
  copyTree(at('from'), at('to'), 'copied');
  const [copy, original] = [statSync(at('to/ab/cd/one.blob')), statSync(at('from/ab/cd/one.blob'))];
  expect(copy).toMatchObject({ mode: original.mode, mtimeMs: original.mtimeMs });
  expect(copy.ino).not.toBe(original.ino);
  expect(readFileSync(at('to/ab/cd/one.blob'), 'utf8')).toBe('one');
});
