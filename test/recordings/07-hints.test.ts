import { HINTS_OF_SPARSE_IMAGES } from './differences.ts';
import { changed, distinct, image, ZERO } from './image.ts';
import { replay } from './replay.ts';
import type { World } from './world.ts';

const blocks = distinct('a', 20);
const SHORT = { sizeBytes: 3 * 4096 + 7 };

replay({
  recording: '07-hints',
  setup(world) {
    world.write('a', image(blocks));
  },
  before: {
    23: (world) => world.write('a', image(changed(blocks, { 3: ZERO }))),
    24: (world) => world.write('a', image(blocks, SHORT)),
  },
});

replay({
  recording: '07-hints',
  differences: HINTS_OF_SPARSE_IMAGES,
  setup: () => {},
  before: {
    ...Object.fromEntries(
      Object.entries({
        ...{ 1: [0, 1, 5], 3: [0, 1, 2, 3, 4], 4: [], 8: [1, 3, 4, 8, 9], 9: [0, 1, 2, 3], 10: [1] },
        ...{ 11: [0], 23: [2, 4] },
      }).map(([call, ids]) => [call, (world: World) => world.write('a', image(withOnly(ids)))]),
    ),
    24: (world) => world.write('a', image(withOnly([3]), SHORT)),
  },
});

/** Blocks with data where hints touch them, and zeros elsewhere. */
function withOnly(ids: number[]): string[] {
  return blocks.map((label, id) => (ids.includes(id) ? label : ZERO));
}
