import { expect, test } from 'vitest';
import { jobOutcome, slaOutcome, stepOutcome } from '../../../../src/cli/running/outcomes.ts';
import type { OwnResult } from '../../../../src/cli/running/own-processes.ts';

const result = (more: Partial<OwnResult>): OwnResult => ({
  ...{ document: undefined, exitCode: 0, isOrderly: true, errors: [] },
  ...more,
});
const row = { state: 'done', uid: 'u', bytes_read: 5, bytes_written: 3, exit_code: 0, problem: null };
const nothing = { uid: null, bytesRead: null, bytesWritten: null };

test('a job is what its document says', () => {
  const done = { state: 'done', uid: 'u', bytesRead: 5, bytesWritten: 3, exitCode: 0, problem: null };
  expect(jobOutcome(result({ document: [row] }))).toEqual(done);
  const failed = { ...row, state: 'failed', uid: null, exit_code: 6, problem: 'No answer.' };
  expect(jobOutcome(result({ document: [failed], exitCode: 6 }))).toMatchObject({
    state: 'failed',
    exitCode: 6,
    problem: 'No answer.',
  });
  const busy = { ...row, state: 'busy', uid: null, problem: 'Another process works on it.' };
  expect(jobOutcome(result({ document: [busy] }))).toMatchObject({ state: 'busy', exitCode: 0, problem: null });
});

test.each<[string, Partial<OwnResult>, string]>([
  [
    'an error',
    { document: { error: { code: 'database', message: 'It is gone.', hint: 'Bring it back.' } }, exitCode: 1 },
    'It is gone. Bring it back.',
  ],
  [
    'an error without a hint',
    { document: { error: { code: 'locked', message: 'It is locked.', hint: null } }, exitCode: 100 },
    'It is locked.',
  ],
  ['no document', { errors: ['Cannot start backy2: ENOENT'], exitCode: 100 }, 'Cannot start backy2: ENOENT'],
  ['nothing at all', { exitCode: 3 }, 'It failed with exit code 3.'],
  ['a document of another kind', { document: [{ state: 'new' }], exitCode: 2, errors: ['wrong'] }, 'wrong'],
  ['a killed process', { exitCode: 137, isOrderly: false, errors: ['half'] }, 'Its process was killed (exit code 137).'],
])('a job that ends with %s has failed', (_, more, problem) => {
  const { exitCode } = more;
  const outcome = jobOutcome(result(more));
  expect(outcome).toMatchObject({ state: 'failed', exitCode, problem });
  expect(outcome).toMatchObject(nothing);
});

test('a step fails by its exit code', () => {
  expect(stepOutcome(result({ errors: ['a warning'] }))).toEqual({ exitCode: 0, problem: null });
  expect(stepOutcome(result({ exitCode: 20, errors: ['Block 3 is bad.', 'Block 4 is bad.'] }))).toEqual({
    exitCode: 20,
    problem: 'Block 3 is bad. Block 4 is bad.',
  });
});

test('breaches of SLAs are a problem, but no failure', () => {
  const breach = (name: string) => ({ name, breach: 'daily: Too few backups.' });
  expect(slaOutcome(result({ document: [] }))).toEqual({ exitCode: 0, problem: null });
  expect(slaOutcome(result({ document: [breach('a'), breach('b')] }))).toEqual({
    exitCode: 0,
    problem: 'There are 2 SLA breaches.',
    lines: ['a: daily: Too few backups.', 'b: daily: Too few backups.'],
  });
  expect(slaOutcome(result({ exitCode: 1, errors: ['no database'] }))).toEqual({ exitCode: 1, problem: 'no database' });
});
