import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { Lab } from '../support/labs/lab.ts';
import { type StatusLine, statusLines } from '../support/program/status-lines.ts';

const BLOCK = 512 * 1024;
const BLOCKS = 60;
/** Blocks per second to which the tests limit the program. */
const RATE = 20;
const MEGABYTES_PER_SECOND = (RATE * BLOCK) / 1e6;

let lab: Lab;
let source: string;
beforeEach(async () => {
  lab = await Lab.create({ blockSize: BLOCK });
  source = `file://${lab.write('image', noise(BLOCKS * BLOCK, 'image'))}`;
});
afterEach(() => lab.remove());

describe('status lines', () => {
  test('of a backup that waits for its backend: a full write queue', async () => {
    slow({ bandwidth_write: RATE * BLOCK });
    const lines = statusLines(await lab.ok('backup', source, 'vm'));
    expectSteps(lines);
    for (const { what } of lines) expect(what).toBe(`Backing up (2/2: Data) ${source}`);
    // The first line may come while blocks wait to be hashed together.
    const [fullest] = lines.toSorted((a, b) => b.write - a.write);
    expect(fullest?.write).toBeGreaterThanOrEqual(8);
    expect(fullest?.read).toBeLessThan(8);
    expect(lines.at(-1)).toMatchObject({ read: 0, eta: '0s' });
    expect(statusLines(lab.log())).toEqual(lines);
  });

  test('of a restore that waits for its backend: a full read queue, and the last present block', async () => {
    const uid = await lab.backup(source, 'vm');
    slow({ bandwidth_read: RATE * BLOCK });
    const target = `file://${lab.path('target')}`;
    const lines = statusLines(await lab.ok('restore', uid, target));
    expectSteps(lines);
    for (const { what } of lines) expect(what).toBe(`Restore phase 2/2 (data) to ${target}`);
    expect(lines[0]?.read).toBeGreaterThanOrEqual(8);
    expect(lines[0]?.write).toBeLessThan(4);
    for (const { lastId, percent } of lines) if (lastId !== 'None') expect(Number(lastId)).toBeLessThan((percent / 100) * BLOCKS);
    expect(lines.at(-1)?.lastId).toBe(String(BLOCKS - 1));
  });

  test('of a scrub have no writes', async () => {
    const uid = await lab.backup(source, 'vm');
    slow({ bandwidth_read: RATE * BLOCK });
    const lines = statusLines(await lab.ok('scrub', uid));
    expectSteps(lines);
    for (const { what, write } of lines) expect({ what, write }).toEqual({ what: `Scrubbing vm (${uid})`, write: 0 });
    expect(lines[0]?.read).toBeGreaterThanOrEqual(8);
  });

  test('count only moved bytes in the speed, not blocks that a hinted backup copies from its base', async () => {
    const base = await lab.backup(source, 'vm');
    const changed = noise((BLOCKS / 3) * BLOCK, 'changed');
    lab.write('image', Buffer.concat([changed, noise(BLOCKS * BLOCK, 'image').subarray(changed.length)]));
    lab.write('hints', JSON.stringify([{ offset: 0, length: changed.length, exists: true }]));
    slow({ bandwidth_write: RATE * BLOCK });
    const lines = statusLines(await lab.ok('backup', '-r', lab.path('hints'), '-f', base, source, 'vm'));
    expect(lines.at(-1)).toMatchObject({ what: `Backing up (2/2: Data) ${source}`, percent: 100 });
    for (const { percent, megabytesPerSecond } of lines) {
      expect(percent).toBeGreaterThan(66);
      expect(megabytesPerSecond).toBeLessThan(MEGABYTES_PER_SECOND * 1.5);
    }
  });

  test('of a resumed backup start where the first one stopped, at their own speed', async () => {
    slow({ bandwidth_write: RATE * BLOCK });
    const first = lab.start(['-m', 'backup', source, 'vm']);
    // Early: the blocks in flight, a third of all, are stored before it ends.
    while (lab.blobs().length < BLOCKS / 15) await sleep(20);
    first.kill('SIGTERM');
    await first.ended;
    const [version] = lab.versions();
    const there = (lab.blocks(version?.uid).length / BLOCKS) * 100;
    expect(there).toBeGreaterThan(20);
    slow({ bandwidth_write: (RATE / 4) * BLOCK });
    const lines = statusLines(await lab.ok('backup', '-c', version?.uid ?? '', source, 'vm'));
    expectSteps(lines);
    expect(lines[0]?.percent).toBeGreaterThan(there);
    for (const { megabytesPerSecond } of lines) expect(megabytesPerSecond).toBeLessThan((MEGABYTES_PER_SECOND / 4) * 1.5);
  });

  test('follow the work of a scrub: zero blocks count where they are passed', async () => {
    const half = BLOCKS / 2;
    lab.write('image', Buffer.concat([noise(half * BLOCK, 'image'), Buffer.alloc(half * BLOCK)]));
    const uid = await lab.backup(source, 'vm');
    slow({ bandwidth_read: 10 * BLOCK });
    const lines = statusLines(await lab.ok('scrub', uid));
    expect(lines[0]?.percent).toBeLessThan(50);
    expect(lines.at(-1)?.percent).toBe(100);
    expect(lines.at(-1)?.megabytesPerSecond).toBeLessThan((10 * BLOCK * 1.5) / 1e6);
  });

  test('of a partial scrub end with 100.0% too', async () => {
    const uid = await lab.backup(source, 'vm');
    slow({ bandwidth_read: RATE * BLOCK });
    for (const percent of ['0', '50']) expect(statusLines(await lab.ok('scrub', '-p', percent, uid)).at(-1)?.percent).toBe(100);
  });

  test.each([0, 1, BLOCK, BLOCK + 1])('of %i bytes end like all others', async (bytes) => {
    lab.write('image', noise(bytes, 'image'));
    const output = await lab.ok('backup', source, 'vm');
    const uid = lab.versions()[0]?.uid ?? '';
    const target = `file://${lab.path('target')}`;
    for (const text of [output, await lab.ok('restore', uid, target), await lab.ok('scrub', uid)])
      expect(statusLines(text).at(-1)).toMatchObject({ percent: 100, eta: '0s' });
  });

  test('of a restore resumed after the last block show 100.0% at once', async () => {
    const uid = await lab.backup(source, 'vm');
    const target = `file://${lab.path('target')}`;
    await lab.ok('restore', uid, target);
    const lines = statusLines(await lab.ok('restore', '-f', '-c', String(BLOCKS), uid, target));
    expect(lines).toMatchObject([{ percent: 100, megabytesPerSecond: 0, eta: '0s' }]);
  });

  test('escape a control character in a name', async () => {
    const uid = await lab.backup(source, 'v\u001b[31mm\n');
    expect(statusLines(await lab.ok('scrub', uid))[0]?.what).toBe(`Scrubbing v\\x1b[31mm\\n (${uid})`);
  });
});

function slow(limit: Record<string, number>): void {
  lab.configure({ DataBackend: limit });
}

/** Expects steps of half a percent or more from line to line, up to 100.0. */
function expectSteps(lines: readonly StatusLine[]): void {
  expect(lines.length).toBeGreaterThan(1);
  for (const [index, { percent }] of lines.entries()) {
    if (index > 0) expect(percent - (lines[index - 1]?.percent ?? 0)).toBeGreaterThan(0.3);
  }
  expect(lines.at(-1)?.percent).toBe(100);
}
