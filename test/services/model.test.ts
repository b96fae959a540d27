import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, inject, test } from 'vitest';
import { runSeed } from '../support/images/random.ts';
import { folderMishaps } from '../support/model/mishaps.ts';
import type { World } from '../support/model/model.ts';
import { BLOCK, SLOW } from '../support/model/model-images.ts';
import { AMOUNT, limitMs, runModel } from '../support/model/run-model.ts';
import { callsVary } from '../support/runner/costs/spent.ts';
import { layoutOf } from '../support/runner/layout-turn.ts';
import { PostgresFileStore } from '../support/stores/postgres-file-store.ts';
import { Host, type SharedStore } from './host.ts';
import { createDatabase, dropDatabase, postgresQuery } from './postgres.ts';

callsVary();

const SEED = runSeed();
const WORKERS_OF_A_HOST = 2;
/** In each run, one of the two models has the compact layout. */
const LAYOUT = layoutOf('model on SQLite') === 'classic' ? 'compact' : 'classic';

let shared: SharedStore;
let hosts: Host[];
const dataPath = mkdtempSync(join(tmpdir(), 'backy2-shared-'));
beforeAll(async () => {
  const postgres = inject('postgres');
  const database = await createDatabase(postgres);
  const store = new PostgresFileStore({ postgres, database, dataPath });
  shared = { postgres, database, dataPath, store, config: {}, blockSize: BLOCK };
  hosts = ['host-one', 'host-two'].map((name) => new Host(name, shared));
  await hosts[0]?.ok('initdb', '--layout', LAYOUT);
  for (const host of hosts) host.configure(SLOW);
});
afterAll(async () => {
  for (const host of hosts) host.remove();
  rmSync(dataPath, { recursive: true });
  await dropDatabase(shared.postgres, shared.database);
});

test(
  `two hosts on PostgreSQL, ${LAYOUT}, back up, continue, restore, scrub, remove and clean up, are killed, and lose nothing (seed ${SEED}; BACKY_TEST_SEED repeats it)`,
  async () => {
    const replay = 'npx vitest run --project services test/services/model.test.ts';
    await runModel(world(), { seed: SEED, amount: AMOUNT, replay });
  },
  limitMs(AMOUNT),
);

function world(): World {
  return {
    labs: Array.from({ length: WORKERS_OF_A_HOST }, () => hosts).flat(),
    env: (call) => ({ PGAPPNAME: call }),
    settled,
    mishaps: folderMishaps(),
  };
}

/**
 * The server ends a killed process's commits and locks once it notices; until then the result is
 * unknown.
 */
async function settled(call: string, pid: number): Promise<void> {
  const sessions = `SELECT 1 FROM pg_stat_activity WHERE application_name = $1 OR application_name LIKE $2`;
  const left = () => postgresQuery(shared.postgres, shared.database, sessions, [call, `%, pid ${pid}`]);
  while ((await left()).length > 0) await sleep(20);
}
