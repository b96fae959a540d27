import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { DIFFERENCES } from './differences.ts';

it('lists differences only for recordings that are replayed', () => {
  const here = dirname(fileURLToPath(import.meta.url));
  const recordings = [...new Set(DIFFERENCES.map(({ recording }) => recording))];
  expect(recordings.filter((name) => !existsSync(join(here, `${name}.test.ts`)))).toEqual([]);
});
