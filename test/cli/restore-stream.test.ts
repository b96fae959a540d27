import { afterAll, beforeAll, expect, test } from 'vitest';
import { Lab } from '../support/labs/lab.ts';

const BLOCK = 4096;
const BAD = 3;
/** Text: a result keeps no other bytes. */
const image = `${Array.from({ length: 6 }, (_, id) => `${id}`.repeat(BLOCK)).join('')}${'\0'.repeat(BLOCK)}the end`;

let lab: Lab;
let uid: string;
beforeAll(async () => {
  lab = await Lab.create({ blockSize: BLOCK });
  uid = await lab.backup(`file://${lab.write('image', image)}`, 'vm');
});
afterAll(() => lab.remove());

test('restore UID - writes the image to stdout, and all lines of the log to stderr', async () => {
  const { code, stdout, stderr } = await lab.run(['restore', uid, '-']);
  expect(code).toBe(0);
  expect(stdout === image).toBe(true);
  expect(stderr).toMatch(
    /^ {4}INFO: \$ backy2 .*\n {4}INFO: Restore phase 2\/2 \(data\) to stdout .*\n {4}INFO: Backy complete\.\n$/,
  );
});

test.each(['-q', '-m'])('%s restore UID - writes nothing else', async (option) => {
  expect(await lab.run([option, 'restore', uid, '-'])).toMatchObject({ code: 0, stdout: image, stderr: '' });
});

test('a bad block ends it with exit 20, or is zeros with --continue-on-error', async () => {
  lab.blobAt(uid, BAD).remove();
  const ended = await lab.run(['-q', 'restore', uid, '-']);
  expect(ended).toMatchObject({ code: 20, stdout: image.slice(0, BAD * BLOCK) });
  expect(ended.stderr).toMatch(new RegExp(`Blob is missing during restore for block ${BAD} `));
  expect(ended.stderr).toMatch(new RegExp(`Block ${BAD} of version ${uid} is bad .*, at offset ${BAD * BLOCK}\\. `));
  expect(lab.version(uid).valid).toBe(0);
  const whole = await lab.run(['-q', 'restore', '--continue-on-error', uid, '-']);
  const zeros = '\0'.repeat(BLOCK);
  expect(whole).toMatchObject({ code: 20, stdout: image.slice(0, BAD * BLOCK) + zeros + image.slice((BAD + 1) * BLOCK) });
  expect(whole.stderr).toContain('1 of 8 blocks are wrong or missing: the stream has zeros in their place.');
});
