import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { reportPage } from '../../../../src/cli/report/page.ts';
import type { ReportData } from '../../../../src/core/monitor/report-data.ts';
import { checkMarkup } from '../../../support/report/markup.ts';
import { SAMPLE_NOW, sampleReport } from '../../../support/report/sample.ts';

const small = sampleReport({ names: 12, versionsPerName: 7 });

const EMPTY: ReportData = {
  status: { at: SAMPLE_NOW, state: 'ok', names: [], problems: [], records: [], space: [] },
  ...{ versions: [], calendar: new Map(), byDay: [], byName: [], coverage: undefined, freed: undefined },
};

/** A report in which every text of users is this one. */
function withText(text: string): ReportData {
  const [first] = small.status.names;
  if (first === undefined) throw new Error('no names');
  const { newest } = first;
  const version = newest === undefined ? undefined : { ...newest, name: text, uid: text, tags: [text] };
  const breach = { name: text, scheduler: text, kind: 'too_few', breach: `${text}: ${text}` } as const;
  const problem = { state: 'critical', text } as const;
  const status = { ...first, name: text, newest: version, breaches: [breach], problems: [problem, problem] };
  return {
    ...small,
    status: {
      ...small.status,
      names: [{ ...status, lastProblem: { date: SAMPLE_NOW, text, failures: 2 } }],
      problems: [problem],
    },
    calendar: new Map([[text, small.calendar.get('db-0') ?? []]]),
    byName: small.byName.slice(0, 1).map((row) => ({ ...row, name: text })),
    freed: version === undefined ? [] : [{ version, freedBytes: 5, isNewest: true }],
  };
}

describe('a report', () => {
  test('is valid markup, with each table headed and each row as long as its head', () => {
    for (const data of [small, EMPTY, withText('vm')]) {
      const page = reportPage(data, 'host');
      const { tables } = checkMarkup(page);
      for (const { headings, rows } of tables) {
        expect(headings.length).toBeGreaterThan(2);
        for (const cells of rows) expect(cells).toBe(headings.length);
      }
    }
    expect(checkMarkup(reportPage(small, 'host')).tables.length).toBeGreaterThan(5);
  });

  test('loads nothing, and allows only its own script', () => {
    const page = reportPage(small, 'host');
    expect(page).not.toMatch(/https?:\/\/|@import|url\(|\ssrc=|<link (?!rel="icon" href="data:,")/);
    const [, script = ''] = /<script>(.*)<\/script>/s.exec(page) ?? [];
    const hash = createHash('sha256').update(script).digest('base64');
    expect(page).toContain(`script-src &#39;sha256-${hash}&#39;`);
    expect(page.match(/<script/g)).toHaveLength(1);
  });

  test('has title, language, one main heading, and headings of rows and columns', () => {
    const page = reportPage(small, 'backup1');
    expect(page).toMatch(/^<!doctype html>\n<html lang="en">/);
    expect(page).toContain('<title>Backups of backup1, 2026-11-30 06:15 UTC</title>');
    expect(page.match(/<h1>/g)).toHaveLength(1);
    for (const [heading] of page.matchAll(/<th\b[^>]*>/g)) expect(heading).toMatch(/scope="(row|col)"/);
  });

  test('tells each state by a word', () => {
    const page = reportPage(small, 'host');
    expect(page).toMatch(/3 of 12 names need attention\./);
    expect(page.match(/<\/b>Critical</g)?.length).toBe(2);
    expect(page.match(/<\/b>OK</g)?.length).toBe(9);
  });

  test('says what there is not', () => {
    const page = reportPage(EMPTY, 'host').replace(/<script>.*/s, '');
    expect(page).toContain('There are no backups, and none are expected.');
    expect(page).toContain('Left out: --quick was given.');
    expect(page).not.toMatch(/NaN|undefined|Infinity|null/);
    expect(reportPage(small, 'host').replace(/<script>.*/s, '')).not.toMatch(/NaN|undefined|Infinity|null/);
  });

  test.each([
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    '</title></style></script><b>',
    '&lt;',
    '\0\u001b[31m\u202e',
    '<!--',
    ']]>',
  ])('shows %j as text, wherever it comes from', (text) => {
    const page = reportPage(withText(text), text);
    const { tags, texts } = checkMarkup(page);
    expect(tags).toEqual(checkMarkup(reportPage(withText('vm'), 'vm')).tags);
    expect(texts.join('').length).toBeGreaterThan(100);
    expect(page).not.toMatch(/[\0\u001b\u202e]/);
  });

  test('no text changes its structure', () => {
    const expected = checkMarkup(reportPage(withText('vm'), 'vm')).tags;
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'<>&"\'/=-! \n\\aé😀') }), (text) => {
        expect(checkMarkup(reportPage(withText(`x${text}`), text)).tags).toEqual(expected);
      }),
      { numRuns: 50 },
    );
  });

  test('of 1000 names and 100,000 versions stays below a megabyte', () => {
    const page = reportPage(sampleReport({ names: 1000, versionsPerName: 100 }), 'host');
    expect(page.length).toBeLessThan(1_000_000);
    expect(page.match(/<svg class="cal" /g)).toHaveLength(1000);
    expect(page.match(/<(path|rect|text)\b/g)?.length).toBeLessThan(4000);
  });
});
