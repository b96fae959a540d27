import { distinct, image, ZERO } from './image.ts';
import { replay } from './replay.ts';

const MIB = 1024 * 1024;
const blockSize = 4 * MIB;

replay({
  recording: '05-backup-file',
  setup(world) {
    const sizes = { s0: 0, s1: 1, s4m: blockSize, s4m1: blockSize + 1, s10m: 10 * MIB + 123 };
    for (const [name, sizeBytes] of Object.entries(sizes))
      world.write(name, image(distinct(name, Math.ceil(sizeBytes / blockSize)), { blockSize, sizeBytes }));
    world.write('z', image([ZERO, ZERO, ZERO], { blockSize, sizeBytes: 9 * MIB }));
  },
});
