import { expect, it } from 'vitest';
import { bind } from '../../../../src/meta/sql/bind.ts';

const DB = { name: 'db', translate: (error: unknown) => new Error('translated', { cause: error }) };

it('gives each function its database', async () => {
  const store = bind(DB, { nameWith: (db: typeof DB, suffix: string) => db.name + suffix });
  expect(await store.nameWith('!')).toBe('db!');
});

it('translates failures, of functions that return and of those that await', async () => {
  const cause = new Error('disk full');
  const store = bind(DB, {
    atOnce: () => {
      throw cause;
    },
    later: () => Promise.reject(cause),
  });
  await expect(store.atOnce()).rejects.toMatchObject({ message: 'translated', cause });
  await expect(store.later()).rejects.toMatchObject({ message: 'translated', cause });
});
