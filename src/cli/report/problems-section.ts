import type { ReportData } from '../../core/monitor/report-data.ts';
import { type Html, html } from '../output/html.ts';
import { numberText, timeCell } from './format.ts';
import type { Section } from './section.ts';
import { stateLabel } from './state.ts';
import { leftOut, nothing, table } from './table.ts';

const MOST_ROWS = 50;

/** Problems of the whole installation, and the last failed backups. */
export function problemsSection({ status: { at, names, problems } }: ReportData): Section {
  const failed = names.flatMap(({ name, newest, lastProblem }) => (lastProblem === null ? [] : [{ name, newest, lastProblem }]));
  failed.sort((a, b) => b.lastProblem.date.getTime() - a.lastProblem.date.getTime());
  const rows = failed
    .slice(0, MOST_ROWS)
    .map(
      ({ name, newest, lastProblem: { date, text, failures } }) =>
        html`<tr><th scope="row">${name}<small>${text}</small></th>${timeCell(date, at)}${timeCell(newest?.date ?? null, at)}<td class="num">${numberText(failures)}</td></tr>\n`,
    );
  const list = problems.map(({ state, text }) => html`<li>${stateLabel(state)} <span>${text}</span></li>\n`);
  const parts: (Html | undefined)[] = [
    list.length === 0 ? undefined : html`<ul class="problems">${list}</ul>\n`,
    rows.length === 0
      ? undefined
      : table({
          caption: 'Failed backups, newest first',
          headings: [['Failed backup', 'name'], ['Last attempt'], ['Newest valid'], ['Failures', 'num']],
          rows,
        }),
    leftOut(rows.length, failed.length, 'backy2 status'),
  ];
  const isQuiet = list.length + rows.length === 0;
  return {
    id: 'problems',
    title: 'Last problems',
    body: isQuiet ? nothing('The last backup of each name went well.') : html`${parts}`,
  };
}
