import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { Lab } from '../support/labs/lab.ts';
import { type Running, tool } from '../support/program/process.ts';
import { parseStatusLine } from '../support/program/status-lines.ts';

const BLOCK = 512 * 1024;
const BLOCKS = 60;

let lab: Lab;
beforeEach(async () => {
  // Titles come every second, and each program is ended after its first ones.
  const config = { DataBackend: { bandwidth_write: 8 * BLOCK, bandwidth_read: 8 * BLOCK } };
  lab = await Lab.create({ blockSize: BLOCK, config });
});
afterEach(() => lab.remove());

test('a backup is seen whole in ps axfu, by the configured name, whatever the length of its source', async () => {
  for (const name of ['image', `${'long-'.repeat(45)}ü☃-image`]) {
    const source = `file://${lab.write(name, noise(BLOCKS * BLOCK, name))}`;
    const title = await titleOf(lab.start(['backup', source, 'vm']), /\d% /);
    const status = parseStatusLine(title);
    expect(status.what).toBe(`Backing up (2/2: Data) ${source}`);
    expect(status.percent).toBeLessThan(100);
  }
});

test('a restore shows the last block that is on the target, and a scrub which version it is', async () => {
  lab.configure({ DEFAULTS: { process_name: 'b222' }, DataBackend: { bandwidth_write: 0, bandwidth_read: 8 * BLOCK } });
  const uid = await lab.backup(`file://${lab.write('image', noise(BLOCKS * BLOCK, 'image'))}`, 'vm');
  const target = `file://${lab.path('target')}`;
  const restore = parseStatusLine(await titleOf(lab.start(['restore', uid, target]), / Last ID: \d/, 'b222'));
  expect(restore.what).toBe(`Restore phase 2/2 (data) to ${target}`);
  expect(Number(restore.lastId)).toBeLessThan(BLOCKS - 1);
  expect(parseStatusLine(await titleOf(lab.start(['scrub', uid]), /ETA \d/, 'b222')).what).toBe(`Scrubbing vm (${uid})`);
});

test('a name that is too long for the process list is shortened in the middle; the numbers stay', async () => {
  lab.configure({ DataBackend: { bandwidth_write: 0 } });
  const uid = await lab.backup(`file://${lab.write('image', noise(BLOCKS * BLOCK, 'image'))}`, `start-${'ü☃'.repeat(300)}-end`);
  const { what } = parseStatusLine(await titleOf(lab.start(['scrub', uid]), /ETA \d/));
  expect(what).toMatch(new RegExp(`^Scrubbing start-[ü☃]+…[ü☃]+-end \\(${uid}\\)$`));
});

/** Waits for the expected text in brackets in the process list, then ends the program. */
async function titleOf(running: Running, wanted: RegExp, name = lab.folder.replace(/^.*\//, '')): Promise<string> {
  try {
    for (;;) {
      // As in the manual. ps cuts nothing when it writes to a pipe.
      const lines = (
        await tool('sh', '-c', `LC_ALL=C.UTF-8 ps axfu | grep "[${name[0]}]${name.slice(1)}"`).catch(() => '')
      ).split('\n');
      const line = lines.find((text) => text.trim().split(/\s+/)[1] === String(running.pid)) ?? '';
      const title = new RegExp(`${name} \\[(.*)\\]$`).exec(line)?.[1] ?? '';
      if (wanted.test(title) && !title.includes('ETA ?')) return title;
      if (running.hasEnded) throw new Error(`it ended, and its last title was ${title}: ${JSON.stringify(await running.ended)}`);
      await sleep(150);
    }
  } finally {
    running.kill('SIGKILL');
    await running.ended;
  }
}
