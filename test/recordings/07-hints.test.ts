import { changed, distinct, image, ZERO } from './image.ts';
import { replay } from './replay.ts';

const blocks = distinct('a', 20);

replay({
  recording: '07-hints',
  setup(world) {
    world.write('a', image(blocks));
  },
  before: {
    23: (world) => world.write('a', image(changed(blocks, { 3: ZERO }))),
    24: (world) => world.write('a', image(blocks, { sizeBytes: 3 * 4096 + 7 })),
  },
});
