import { existsSync } from 'node:fs';
import { silentLogger } from '../../../src/logger.ts';
import { postgresStore } from '../../../src/meta/postgresql/postgres-store.ts';
import { FolderWorld } from './folder-world.ts';
import { StoreRace } from './store-race.ts';

/** The orders of a process of a race: JSON in its first argument. */
export interface RaceProcess {
  engine: string;
  folder: string;
  /** A file that ends the race. */
  endFile: string;
  seed: number;
  part: number;
  cleanups: number;
}

const { engine, folder, endFile, seed, part, cleanups } = JSON.parse(process.argv[2] ?? '') as RaceProcess;

async function main(): Promise<void> {
  const store = postgresStore({ engine, logger: silentLogger, now: () => new Date() });
  await store.open();
  const race = new StoreRace({ seed, world: new FolderWorld(folder), part, cleanups, mostVersions: 2 });
  await race.run([store], Number.POSITIVE_INFINITY, () => existsSync(endFile));
  await store.close();
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  process.exitCode = 1;
});
