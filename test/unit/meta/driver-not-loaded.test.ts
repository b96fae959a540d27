import { expect, test } from 'vitest';
import { BackyError } from '../../../src/errors.ts';
import { notOpened } from '../../../src/meta/sqlite/database-errors.ts';

test('a driver for another version of Node.js is named as such, with what to run', () => {
  const cause = Object.assign(new Error("The module 'better_sqlite3.node' was compiled against a different Node.js version"), {
    code: 'ERR_DLOPEN_FAILED',
  });
  const error = notOpened('/var/lib/backy2/backy.sqlite', cause);
  expect(error).toBeInstanceOf(BackyError);
  expect(error).toMatchObject({
    code: 'database',
    message: `SQLite can't be loaded: ${cause.message}`,
    hint: expect.stringContaining('npm rebuild better-sqlite3'),
  });
});
