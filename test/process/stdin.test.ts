import { afterAll, beforeAll, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { sha256 } from '../support/images/sha256.ts';
import { Lab } from '../support/labs/lab.ts';

const BLOCK = 4096;

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.create({ blockSize: BLOCK });
});
afterAll(() => lab.remove());

test('hints come from stdin with -r -', async () => {
  const image = noise(4 * BLOCK, 'image');
  const base = await lab.backup(`file://${lab.write('image', image)}`, 'vm');
  image.fill(1, 2 * BLOCK, 2 * BLOCK + 10);
  const stdin = JSON.stringify([{ offset: 2 * BLOCK, length: 10, exists: true }]);
  const args = ['-m', 'backup', '-r', '-', '-f', base, `file://${lab.write('image', image)}`, 'vm'];
  const { code, stdout } = await lab.run(args, { stdin });
  expect(code).toBe(0);
  expect(await lab.restoredSha256(stdout.split('\n')[0] ?? '')).toBe(sha256(image));
});
