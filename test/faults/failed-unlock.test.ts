import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { compileFaultLayer, runWithFault } from '../support/faults/fault-layer.ts';
import { removed } from '../support/faults/ready-stores.ts';
import { lacking, needTool } from '../support/runner/machine.ts';

const { skip, note } = lacking(await needTool('gcc', '--version'));
const library = skip ? '' : await compileFaultLayer();

test.skipIf(skip)(`a lock that could not be released, and that nobody else holds, is not waited for${note}`, async () => {
  const { lab } = await removed('classic');
  // Without a catalogue, which has transactions of its own, and whose failures are warnings.
  lab.configure({ DataBackend: { catalogue: 'no' } });
  try {
    // The write lock of the first transaction.
    const EIO = { name: 'EIO', action: '5' };
    const fault = { kind: 'unlock', place: 'backy.sqlite', call: 30, fault: EIO } as const;
    const { result } = await runWithFault({ lab, library }, ['cleanup', '--dangerous-force'], fault);
    expect(result).toMatchObject({ code: 1, stderr: expect.stringContaining('though no other process has it') });
    await lab.ok('cleanup', '--dangerous-force');
  } finally {
    lab.remove();
  }
});

test.skipIf(skip)(
  `a database whose locks cannot be released from the start reports an I/O error, and no hint to run initdb${note}`,
  async () => {
    const { lab } = await removed('classic');
    try {
      const EIO = { name: 'EIO', action: '5', lasting: true };
      const { result } = await runWithFault({ lab, library }, ['ls'], {
        kind: 'unlock',
        place: 'backy.sqlite',
        call: 1,
        fault: EIO,
      });
      expect(result).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/backy\.sqlite failed: disk I\/O error \(SQLITE_IOERR_UNLOCK\)/),
      });
      expect(result.stderr).not.toContain('initdb');
    } finally {
      lab.remove();
    }
  },
);

test('a database that another process locks for longer is waited for', async () => {
  const { lab } = await removed('classic');
  const other = new Database(lab.path('backy.sqlite'));
  try {
    other.exec('BEGIN IMMEDIATE');
    const waiting = lab.start(['cleanup', '--dangerous-force']);
    await sleep(12_000);
    expect(waiting.hasEnded).toBe(false);
    other.exec('COMMIT');
    expect(await waiting.ended).toMatchObject({ code: 0 });
  } finally {
    other.close();
    lab.remove();
  }
});
