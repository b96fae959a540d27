import { distinct, image } from './image.ts';
import { replay } from './replay.ts';
import type { World } from './world.ts';

replay({
  recording: '23-misc',
  async setup(world) {
    world.write('a', image(['a', 'b', 'c']));
    for (const name of ['l1', 'l2']) world.write(name, image(distinct(name, 300)));
    world.bind(13, await world.backup('file://a', 'vm'));
  },
  before: { 17: twoAtOnce },
});

/** Both must succeed: writers wait for each other (docs/spec/formats.md §2). */
async function twoAtOnce(world: World): Promise<void> {
  await Promise.all(['l1', 'l2'].map((name) => world.backup(`file://${name}`, name)));
}
