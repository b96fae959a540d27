import { replay } from './replay.ts';
import type { World } from './world.ts';

let config: Buffer;

// Every byte of the null source is known, and so are the checksums.
replay({
  recording: '06-backup-null',
  exactChecksums: true,
  // Reads, checks and records 1 GiB, but does not write it to the disk: the file backend has its
  // own test, and writing takes most of the time.
  before: {
    9: (world) => {
      config = world.read('backy.cfg');
      world.config('backy.cfg', (text) => text.replace('data_backends.file', 'data_backends.null'));
    },
    34: (world) => world.config('null1.cfg', encrypted, 'null.cfg'),
  },
  after: { 9: (world: World) => world.write('backy.cfg', config) },
  database: (call) => (call >= 34 ? 'n1.sqlite' : call >= 26 ? 'n.sqlite' : 'backy.sqlite'),
});

function encrypted(text: string): string {
  return text
    .replace('n.sqlite', 'n1.sqlite')
    .replace('encryption_version: 0', `encryption_version: 1\nencryption_key: ${'0f'.repeat(32)}`);
}
