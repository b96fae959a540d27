import { rmSync, symlinkSync } from 'node:fs';
import { distinct, image, ZERO } from './image.ts';
import type { SideStep } from './recording.ts';
import { replay } from './replay.ts';
import type { World } from './world.ts';

replay({
  recording: '22-logging',
  async setup(world) {
    world.write('a', image(distinct('a', 3)));
    world.write('sparse', image([ZERO, ZERO, 'data']));
    world.write('l', image(distinct('l', 400)));
    world.config('slow.cfg', (text) => text.replace('path: data', 'path: data\nbandwidth_write: 400000\nbandwidth_read: 400000'));
    world.bind(3, await world.backup('file://a', 'vm'));
  },
  beforeStep,
});

/** Repeats the recorder's shell commands that contain the program. */
async function beforeStep(world: World, step: SideStep): Promise<void> {
  if (step.kind !== 'shell' || !step.command.includes('/dev/full')) return;
  rmSync(world.path('data'), { recursive: true });
  symlinkSync('/dev/full', world.path('data'));
  await world.run(['-c', 'backy.cfg', 'backup', 'file://sparse', 'nospace']);
}
