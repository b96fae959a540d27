import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type Lab, withLab } from '../support/labs/lab.ts';
import { BINARY } from '../support/program/process.ts';

const MIB = 1024 ** 2;
const TELL_PEAK = fileURLToPath(new URL('../support/program/tell-peak.cjs', import.meta.url));
/**
 * Node with two threads that do nothing: 60 MiB with Node 20, 71 with Node 24, where a thread takes
 * 13 MiB instead of 9, most of them pages of Node's own file.
 */
const TWO_THREADS = "for (const _ of [1, 2]) new (require('node:worker_threads').Worker)('0', { eval: true })";
/** MiB beyond that: the program's own, and the two workers' slots. */
const [OWN, SLOTS] = [21, 2 * 8 * 4];
const SLACK = 1.1;

/** Peak memory of a command, in MiB. */
async function peakOf(lab: Lab, command: string[]): Promise<number> {
  const { code, stderr } = await lab.startCommand(command, { env: { NODE_OPTIONS: `--require ${TELL_PEAK}` } }).ended;
  expect(code, stderr).toBe(0);
  return Number(/^PEAK (\d+)$/m.exec(stderr)?.[1]) / 1024;
}

test('a backup holds a bounded number of blocks in memory', async () => {
  const config = { DataBackend: { type: 'null' }, DEFAULTS: { workers: 2 } };
  await withLab({ blockSize: 4 * MIB, config }, async (lab) => {
    const words = ['-c', lab.path('backy.cfg'), 'backup', `null://${512 * MIB}`, 'vm'];
    const node = await peakOf(lab, [process.execPath, '-e', TWO_THREADS]);
    const peak = await peakOf(lab, [BINARY, ...words]);
    expect(peak).toBeGreaterThan(60);
    expect(peak).toBeLessThan((node + OWN + SLOTS) * SLACK);
  });
});
