import { image } from './image.ts';
import { replay } from './replay.ts';

replay({
  recording: '11-expire',
  setup(world) {
    world.write('a', image(['a', 'b', 'c'], { sizeBytes: 9000 }));
  },
});
