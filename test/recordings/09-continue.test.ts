import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { distinct, image } from './image.ts';
import { replay } from './replay.ts';
import type { World } from './world.ts';

/** Number of rows in the database when the recorder killed the backup. */
const KILLED_AFTER = 508;

replay({
  recording: '09-continue',
  async setup(world) {
    world.write('a', image(distinct('a', 3000)));
    world.write('b', image(distinct('b', 2)));
    world.write('h', JSON.stringify([{ offset: 7 * 4096, length: 3 * 4096, exists: true }]));
    world.bind(2, await killedBackup(world));
  },
  before: { 17: async (world) => world.names.versions.offer(baseOfCall17(world), await world.backup('file://a', 'base')) },
});

/**
 * The remains of a killed backup, made from a complete one: a kill would hit another block each
 * time.
 */
async function killedBackup(world: World): Promise<string> {
  const uid = await world.backup('-t', 't1,t2', 'file://a', 'vm');
  world.sql('delete from blocks where id >= ?', String(KILLED_AFTER));
  world.sql('update versions set valid=0');
  world.sql('delete from stats');
  removeOrphans(world);
  world.write(`locks/backy_${uid}.lock`, '');
  return uid;
}

function removeOrphans(world: World): void {
  const rows = world.database('backy.sqlite', (db) => db.prepare('select uid from blocks').all()) as { uid: string }[];
  const used = new Set(rows.map(({ uid }) => `${uid}.blob`));
  for (const entry of readdirSync(world.path('data'), { recursive: true, withFileTypes: true }))
    if (entry.isFile() && !used.has(entry.name)) rmSync(join(entry.parentPath, entry.name));
}

function baseOfCall17(world: World): string {
  const { argv } = world.recordedCall(17);
  return argv[argv.indexOf('-f') + 1] ?? '';
}
