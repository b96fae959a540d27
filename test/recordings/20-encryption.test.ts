import { changed, distinct, image, ZERO } from './image.ts';
import { replay } from './replay.ts';

const K1 = 'decafbad'.repeat(8);
const K2 = '5ec2e7'.repeat(11).slice(0, 64);
const BIG = distinct('big', 20);

replay({
  recording: '20-encryption',
  setup(world) {
    // Block 0 compresses to almost nothing, the others not at all.
    world.write('a', Buffer.concat([Buffer.alloc(4096, 'compressible '), image(['b', 'c', ZERO, 'd'])]).subarray(0, 16461));
    world.write('big', image(BIG));
    world.write('big2', image(changed(BIG, { 0: 'changed' })));
    world.write('h', JSON.stringify([{ offset: 0, length: 4096, exists: true }]));
    world.config('e2.cfg', (text) => text.replace(K1, K2), 'e1.cfg');
    world.config('e0k.cfg', (text) => text.replace('encryption_version: 1', 'encryption_version: 0'), 'e1.cfg');
    world.config('enone.cfg', (text) => text.replace('encryption_version: 0\n', ''), 'backy.cfg');
  },
  before: {
    18: async (world) => world.bind(18, await world.backup('file://big', 'bigplain')),
    43: async (world) => {
      const [uid = ''] = /[0-9a-f-]{36}/.exec(world.names.toActual(world.recordedCall(42).argv.join(' '))) ?? [];
      await world.backy('export', uid, 'x.csv');
      await world.backy('rm', '-f', uid);
    },
  },
});
