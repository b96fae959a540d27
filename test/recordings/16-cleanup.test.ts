import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { distinct, image } from './image.ts';
import { replay } from './replay.ts';
import type { World } from './world.ts';

const shared = distinct('shared', 3);

replay({
  recording: '16-cleanup',
  async setup(world) {
    world.write('a', image([...shared, ...distinct('a', 2)]));
    world.write('b', image([...shared, ...distinct('b', 2)]));
    world.bind(2, await world.backup('file://a', 'v1'));
    world.bind(7, await world.backup('file://b', 'v2'));
  },
  before: { 10: async (world) => world.bind(10, await world.backup('file://a', 'v3')), 18: startOther },
  after: { 11: addOrphans },
});

/**
 * Starts a process that the process list shows like one of this installation: by the first word of
 * its title.
 */
function startOther(world: World): void {
  const name = /^process_name: (\S+)$/m.exec(world.read('backy.cfg').toString())?.[1];
  const other = spawn('sleep', ['60'], { argv0: `${name} [ Backing up ]`, stdio: 'ignore' });
  world.atEnd(() => void other.kill());
}

/**
 * Adds another backup, one blob that no row names, and three files that are no blobs of this
 * layout.
 */
async function addOrphans(world: World): Promise<void> {
  await world.backup('file://a', 'v4');
  const orphan = 'abcd'.padEnd(32, '2');
  mkdirSync(world.path('data/ab/cd'), { recursive: true });
  for (const name of [`ab/cd/${orphan}.blob`, 'zz.blob', 'x.y.blob', 'notblob.txt']) world.write(`data/${name}`, 'orphan');
}
