import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { withLab } from '../support/labs/lab.ts';
import { BINARY } from '../support/program/process.ts';

const MIB = 1024 ** 2;
const TELL_PEAK = fileURLToPath(new URL('../support/program/tell-peak.cjs', import.meta.url));
/** 90 MiB and the two workers' slots, measured, and a tenth. */
const BOUND = (90 + 2 * 8 * 4) * 1.1;

test('a backup holds a bounded number of blocks in memory', async () => {
  const config = { DataBackend: { type: 'null' }, DEFAULTS: { workers: 2 } };
  await withLab({ blockSize: 4 * MIB, config }, async (lab) => {
    const words = ['-c', lab.path('backy.cfg'), 'backup', `null://${512 * MIB}`, 'vm'];
    const env = { NODE_OPTIONS: `--require ${TELL_PEAK}` };
    const { code, stderr } = await lab.startCommand([BINARY, ...words], { env }).ended;
    expect(code, stderr).toBe(0);
    const peakMib = Number(/^PEAK (\d+)$/m.exec(stderr)?.[1]) / 1024;
    expect(peakMib).toBeGreaterThan(60);
    expect(peakMib).toBeLessThan(BOUND);
  });
});
