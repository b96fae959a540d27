import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, it } from 'vitest';
import { silentLogger } from '../../../../src/logger.ts';
import type { MetaStore } from '../../../../src/meta/meta-store.ts';
import { sqliteStore } from '../../../../src/meta/sqlite/sqlite-store.ts';
import { TWIN_STEPS, TwinStores } from '../../../support/stores/twin-stores.ts';

let folder: string;
let stores: MetaStore[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-twins-'));
});
afterEach(async () => {
  for (const store of stores) await store.close();
  rmSync(folder, { recursive: true, force: true });
});

let made = 0;
async function open(layout: 'classic' | 'compact'): Promise<MetaStore> {
  const path = join(folder, `${layout}-${++made}`);
  const now = () => new Date('2026-11-23T04:42:24.910Z');
  const store = sqliteStore({ path, cacheMb: 16, createIfMissing: false, logger: silentLogger, now });
  stores.push(store);
  await store.initialize(layout);
  await store.open();
  return store;
}

it('whatever happens, both layouts tell the same about every version', async () => {
  const step = fc.record({ kind: fc.constantFrom(...TWIN_STEPS), seed: fc.integer({ min: 1, max: 2 ** 31 - 1 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 15, maxLength: 25, size: 'max' }), async (steps) => {
      const twins = new TwinStores(await open('classic'), await open('compact'));
      for (const { kind, seed } of [{ kind: 'backup' as const, seed: 1 }, ...steps]) await twins.step(kind, seed);
      await twins.compare();
      for (const store of stores) await store.close();
      stores = [];
    }),
    { numRuns: Number(process.env.TWIN_RUNS ?? 3), endOnFailure: true },
  );
});
