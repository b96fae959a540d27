import { type HeldLock, holdLock } from './hold-lock.ts';
import { image, ZERO } from './image.ts';
import { replay } from './replay.ts';
import type { World } from './world.ts';

const SIZE_BYTES = 5 * 4096 + 77;

let held: HeldLock | undefined;

replay({
  recording: '12-restore',
  async setup(world) {
    world.write('a', image(['a', 'b', ZERO, ZERO, 'c', 'd'], { sizeBytes: SIZE_BYTES }));
    const targets = { dirty: SIZE_BYTES, dirty2: SIZE_BYTES, big: SIZE_BYTES + 100, small: SIZE_BYTES - 1, c4: SIZE_BYTES };
    for (const [name, sizeBytes] of Object.entries(targets)) world.write(name, Buffer.alloc(sizeBytes, 0xfe));
    for (const name of ['e', 'er2']) world.write(name, '');
    world.bind(1, await world.backup('file://a', 'vm'));
    world.atEnd(() => held?.release());
  },
  before: {
    28: (world) => hold(world, world.names.toActual(world.recordedCall(28).argv[3] ?? '')),
    38: (world) => hold(world, 'backy'),
    44: (world) => hold(world, 'backy-cleanup-fast'),
  },
});

/** Another process takes this lock and releases the previous one. */
async function hold(world: World, name: string): Promise<void> {
  await held?.release();
  held = await holdLock(world.path(`locks/backy_${name}.lock`));
}
