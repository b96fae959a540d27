import { sqlDate } from './dates.ts';
import { image } from './image.ts';
import { replay } from './replay.ts';

const HOUR_MS = 3600 * 1000;

replay({
  recording: '15-rm-protect',
  async setup(world) {
    world.write('a', image(['a', 'b', 'c'], { sizeBytes: 9000 }));
    world.config('noyoung.cfg', (text) => text.replace(/(younger_than_days:).*/, '$1 abc'));
    world.bind(1, await world.backup('file://a', 'vm'));
    world.bind(13, await world.backup('file://a', 'vm'));
  },
  // The note of the next call tells the age of the version.
  param: (_recorded, { note }) => sqlDate(Date.now() - Number(/^age (\d+) hours/.exec(note ?? '')?.[1]) * HOUR_MS),
});
