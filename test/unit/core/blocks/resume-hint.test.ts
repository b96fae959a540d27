import { describe, expect, it } from 'vitest';
import { withResumeHint } from '../../../../src/core/blocks/resume-hint.ts';
import { BackyError } from '../../../../src/errors.ts';

const RUNNING = new AbortController().signal;

/** The error of an operation that fails with `error` and can be resumed. */
function failureOf(error: unknown, signal = RUNNING): Promise<unknown> {
  const failing = withResumeHint(
    signal,
    () => 'Resume with: again',
    async () => {
      throw error;
    },
  );
  return failing.then(
    () => undefined,
    (failure: unknown) => failure,
  );
}

describe('an operation that can be resumed', () => {
  it('gives its result', async () => {
    expect(
      await withResumeHint(
        RUNNING,
        () => 'no',
        async () => 42,
      ),
    ).toBe(42);
  });

  it('adds the hint to that of the failure, and changes nothing else', async () => {
    const error = new BackyError('io', 'Cannot read.', { exitCode: 7, hint: 'Check the disk.', data: { uid: 'v1' } });
    expect(await failureOf(error)).toMatchObject({
      ...{ code: 'io', message: 'Cannot read.', exitCode: 7, data: { uid: 'v1' }, cause: error },
      hint: 'Check the disk. Resume with: again',
    });
  });

  it('gives a failure without a hint this one', async () => {
    expect(await failureOf(new BackyError('io', 'Cannot read.'))).toMatchObject({ hint: 'Resume with: again' });
  });

  it('ends with the reason of an abort, whatever failed after it', async () => {
    const aborter = new AbortController();
    aborter.abort(new BackyError('interrupted', 'Interrupted.'));
    expect(await failureOf(new Error('closed'), aborter.signal)).toMatchObject({
      code: 'interrupted',
      hint: 'Resume with: again',
    });
  });

  it.each([
    ['errors of the program', new Error('a bug')],
    ['hints that do not fit their source', new BackyError('hintsMismatch', 'Wrong source.', { hint: 'Use no hints.' })],
  ])('leaves %s alone', async (_, error) => {
    expect(await failureOf(error)).toBe(error);
  });
});
