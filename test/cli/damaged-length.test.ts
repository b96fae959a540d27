import { expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { withLab } from '../support/labs/lab.ts';

const BLOCK = 4096;
const image = noise(3 * BLOCK + 1000, 'length');

test.each([
  ['longer than its blocks', 8],
  ['shorter than its blocks', -8],
])('a version whose row says that the image is %s is not restored as valid, and scrub reports it', (_, difference) =>
  withLab({ blockSize: BLOCK, workers: 1 }, async (lab) => {
    const uid = await lab.backup(`file://${lab.write('image', image)}`, 'vm');
    lab.sql('UPDATE versions SET size_bytes = size_bytes + ? WHERE uid = ?', difference, uid);
    const restored = await lab.run(['restore', uid, `file://${lab.path('target')}`]);
    expect(restored).toMatchObject({ code: 20 });
    expect(restored.stderr).toContain(
      `The last block (3) of version ${uid} has 1000 bytes, but should have ${1000 + difference} by the version's ${image.length + difference} bytes`,
    );
    expect(lab.version(uid).valid).toBe(0);
    lab.sql('UPDATE versions SET valid = 1');
    expect(await lab.run(['scrub', uid])).toMatchObject({ code: 20 });
    expect(lab.version(uid).valid).toBe(0);
    // With the right store, everything works again.
    lab.sql('UPDATE versions SET size_bytes = ?', image.length);
    await lab.ok('scrub', uid);
    expect(lab.version(uid).valid).toBe(1);
  }),
);
