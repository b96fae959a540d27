import { expect, it } from 'vitest';
import { failureLine, statusLine } from '../../../../src/cli/output/status-line.ts';
import type { NameStatus } from '../../../../src/core/monitor/name-status.ts';
import { type Problem, worstOf } from '../../../../src/core/monitor/state.ts';

function line(names: Record<string, Problem[]>, problems: Problem[] = []): string {
  const all = Object.entries(names).map(([name, own]) => ({
    ...{ name, problems: own, state: worstOf(own.map(({ state }) => state)) },
  })) as unknown as NameStatus[];
  const state = worstOf([...all, ...problems].map((one) => one.state));
  return statusLine({ at: new Date(), state, names: all, problems, records: [], space: [] });
}

it('says that all is well', () => {
  expect(line({ a: [], b: [] })).toBe('BACKY2 OK - 2 names | names=2 critical=0 unknown=0 warning=0 ok=2 problems=0');
});

it('quotes the worst problems and counts the others', () => {
  const critical: Problem = { state: 'critical', text: 'There is no valid version.' };
  const names = { a: [critical, critical], b: [critical], c: [critical], d: [critical], e: [] };
  expect(line(names, [{ state: 'warning', text: 'Step scrub: it failed.' }])).toBe(
    'BACKY2 CRITICAL - 4 critical, 5 names; Step scrub: it failed.; a: There is no valid version.; b: There is no valid version.; ' +
      'and 2 more | names=5 critical=4 unknown=0 warning=0 ok=1 problems=1',
  );
});

it('is one line with one vertical bar, whatever the names are', () => {
  const text = line({ 'a|b\nc\u001b[31m': [{ state: 'warning', text: 'x | y' }] });
  expect(text).toContain('; a/b\\nc\\x1b[31m: x / y | names=1 ');
  expect(text.split('|')).toHaveLength(2);
  expect(failureLine('No | database\n')).toBe('BACKY2 UNKNOWN - No / database\\n');
});
