import { changed, distinct, image, ZERO } from './image.ts';
import { replay } from './replay.ts';

const base = distinct('a', 20);
const now = changed(base, { 3: 'new', 7: ZERO });
const grown = [...now, ...distinct('more', 3)];

/** The changed blocks: one has new data, one became a hole. */
const BLOCK_3 = { offset: 3 * 4096, length: 4096, exists: true };
const BLOCK_7 = { offset: 7 * 4096, length: 4096, exists: false };

replay({
  recording: '08-from-version',
  setup(world) {
    world.write('a', image(base));
    const hints = {
      h: [BLOCK_3, BLOCK_7],
      h0: [],
      hg: [BLOCK_3, BLOCK_7, { offset: 20 * 4096, length: 2 * 4096 + 100, exists: true }],
      hg2: [BLOCK_3, BLOCK_7],
      hs: [BLOCK_3, BLOCK_7],
      hs2: [BLOCK_3, BLOCK_7, { offset: 15 * 4096, length: 50, exists: true }],
      hmost: [{ offset: 0, length: 17 * 4096, exists: true }],
      hall: [{ offset: 0, length: 20 * 4096, exists: true }],
      h5: [{ offset: 0, length: 15 * 4096, exists: true }],
      // Block 2 differs too, and is among the first that no hint touches.
      hw: [{ offset: 10 * 4096, length: 4096, exists: true }],
    };
    for (const [name, ranges] of Object.entries(hints)) world.write(name, JSON.stringify(ranges));
  },
  before: {
    5: (world) => world.write('a', image(now)),
    13: (world) => world.write('a', image(grown, { sizeBytes: 22 * 4096 + 100 })),
    17: (world) => world.write('a', image(now, { sizeBytes: 15 * 4096 + 50 })),
    21: (world) => world.write('a', image(now, { sizeBytes: 18 * 4096 + 50 })),
    23: (world) => world.write('a', image(now)),
    27: (world) => world.write('a', image(changed(base, { 2: 'wrong', 10: 'new' }))),
  },
});
