import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const promises = readFileSync(`${root}/docs/promises.md`, 'utf8');

test('each test file that docs/promises.md names is there, and none is named in another way', () => {
  const files = [...promises.matchAll(/`(test\/[^`]*\.test\.ts)`/g)].map(([, file]) => file ?? '');
  expect(files.length).toBeGreaterThan(20);
  expect(files.filter((file) => !existsSync(`${root}/${file}`))).toEqual([]);
  expect(promises).not.toMatch(/`(?!test\/)[^`]*(e2e|services|faults|conformance)\/[a-z-]+(\.test\.ts)?`/);
});

/**
 * Rows of the form: promise | `file` | name of the test, or the part of it that is the same in each
 * run |.
 */
const ROW = /^\|([^|]+)\| `(test\/[^`|]*)` \|([^|]+)\|$/gm;

test('each promise names a test that is in its file', () => {
  const rows = [...promises.matchAll(ROW)].map(([, promise = '', file = '', name = '']) => ({
    promise,
    file,
    name: name.trim(),
  }));
  expect(rows.length).toBeGreaterThan(15);
  const missing = rows.filter(({ file, name }) => !readFileSync(`${root}/${file}`, 'utf8').includes(name));
  expect(missing).toEqual([]);
});
