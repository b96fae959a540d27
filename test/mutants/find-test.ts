import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';

/** Tests that need a path: their names repeat in folders that mirror src/, and among recordings. */
const BY_PATH = /^(unit|recordings)\//;

/**
 * Finds a test file below `folder` by its path or name.
 * @throws Error unless exactly one matches.
 */
export function findTest(folder: string, test: string): string {
  if (existsSync(join(folder, test))) return test;
  const all = readdirSync(join(folder, 'test'), { recursive: true, encoding: 'utf8' });
  const isNamed = !test.includes('/');
  const found = all.filter((path) => basename(path) === basename(test) && !(isNamed && BY_PATH.test(path)));
  if (found[0] === undefined || found.length > 1) throw new Error(`there are ${found.length} test files ${test}`);
  return join('test', found[0]);
}
