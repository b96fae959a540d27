import { image } from './image.ts';
import { replay } from './replay.ts';

replay({
  recording: '03-initdb',
  initdb: false,
  setup(world) {
    world.write('src.bin', image(['a', 'b', 'c'], { sizeBytes: 10_000 }));
    world.write('garb.sqlite', 'this is no database\n'.repeat(100));
    world.write('zero.sqlite', '');
    for (const [file, database] of [
      ['v', 'verbose'],
      ['g', 'garb'],
      ['z', 'zero'],
    ])
      world.config(`${file}.cfg`, (text) => text.replace('backy.sqlite', `${database}.sqlite`));
  },
});
