import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { failureOf } from '../../../src/cli/output/failure.ts';
import { BackyError, type ErrorCode, EXIT_CODES, fromPlainError, toPlainError } from '../../../src/errors.ts';

const TABLE = readFileSync(new URL('../../../docs/commands.md', import.meta.url), 'utf8').split('## Exit codes')[1] ?? '';

/** The exit codes that docs/commands.md promises to scripts. */
const PROMISED: Record<ErrorCode, number> = {
  ...{ config: 1, database: 1, badDate: 1, targetRefused: 1, usage: 2, hintsMismatch: 5, dataBackend: 6, blobUnreadable: 6 },
  ...{ wrongStore: 6, massDamage: 6 },
  ...{ blocksBad: 20, catalogueDamaged: 20, versionExists: 22, badImport: 23, interrupted: 130 },
  ...{ notFound: 100, refused: 100, encryption: 100, locked: 100, lockLost: 100, io: 100, hints: 100, worker: 100, failed: 100 },
};

describe('the exit code', () => {
  it.each(Object.entries(PROMISED) as [ErrorCode, number][])('of %s is %i, as documented', (code, exitCode) => {
    expect(EXIT_CODES[code]).toBe(exitCode);
    expect(new BackyError(code, 'x').exitCode).toBe(exitCode);
    expect(TABLE).toMatch(exitCode === 100 ? /\| 100 \| anything else/ : new RegExp(`\\|[^|]*\\b${exitCode}\\b[^|]*\\|`));
  });

  it('is promised for every kind of failure', () => {
    expect(Object.keys(EXIT_CODES).sort()).toEqual(Object.keys(PROMISED).sort());
  });

  it.each([
    ['backup', 6],
    ['restore', 6],
    ['scrub', 100],
    ['cleanup', 100],
  ])('of a data backend that fails during %s is %i: only some commands can be resumed', (command, exitCode) => {
    for (const code of ['dataBackend', 'blobUnreadable'] as const)
      expect(failureOf(new BackyError(code, 'x'), command)).toMatchObject({ code, exitCode });
  });

  it('of an unforeseen error is 100', () => {
    expect(failureOf(new TypeError('x'), 'backup')).toMatchObject({ code: 'failed', exitCode: 100 });
  });

  it('survives a message between threads, with the hint', () => {
    const error = fromPlainError(toPlainError(new BackyError('dataBackend', 'x', { hint: 'y' }), 'worker'));
    expect(error).toMatchObject({ code: 'dataBackend', exitCode: 6, message: 'x', hint: 'y' });
    expect(fromPlainError(toPlainError(new Error('x'), 'worker'))).toMatchObject({ code: 'worker', exitCode: 100 });
  });
});
