import { image } from './image.ts';
import { replay } from './replay.ts';

replay({
  recording: '11-expire',
  setup(world) {
    world.write('a', image(['a', 'b', 'c'], { sizeBytes: 9000 }));
  },
  before: {
    // The original refused this date.
    15: async (world) => {
      const uid = await world.backy('-ms', 'ls', '-f', 'uid', 'e:2030-01-02T03:04:05Z');
      await world.backy('rm', '-f', uid.trim());
    },
  },
});
