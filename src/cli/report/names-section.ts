import { CALENDAR_DAYS, calendarStart } from '../../core/monitor/calendar.ts';
import type { NameStatus } from '../../core/monitor/name-status.ts';
import type { ReportData } from '../../core/monitor/report-data.ts';
import { type Html, html } from '../output/html.ts';
import { calendarLegend, calendarSvg, daysMade } from './calendar-svg.ts';
import { dayText, sizeText, timeCell } from './format.ts';
import type { Section } from './section.ts';
import { stateLabel } from './state.ts';
import { nothing, table } from './table.ts';

/** Every name with its state and its calendar, worst first. */
export function namesSection(data: ReportData): Section {
  const { at, names } = data.status;
  const title = 'Names';
  if (names.length === 0)
    return { id: 'names', title, body: nothing('No backup was made yet, and the configuration names none.') };
  const days = `${dayText(calendarStart(at)).slice(5)} to ${dayText(at).slice(5)}`;
  const body = html`${calendarLegend()}
${table({
  caption: 'State of each name, worst first',
  id: 'all-names',
  headings: [
    ['State'],
    ['Name', 'name'],
    ['Newest valid'],
    ['Next due'],
    ['Size', 'num'],
    ['Days', 'num'],
    [`Calendar, ${days}`],
  ],
  rows: names.map((status) => row(status, data)),
})}
<p class="note">Days: those of the last ${CALENDAR_DAYS} with a backup.</p>`;
  return { id: 'names', title, body };
}

function row({ name, state, newest, nextDue, problems }: NameStatus, { status: { at }, calendar }: ReportData): Html {
  const days = calendar.get(name) ?? [];
  const [first, ...more] = problems;
  const why =
    first === undefined
      ? undefined
      : html`<small>${firstSentence(first.text)}${more.length > 0 ? ` (and ${more.length} more)` : ''}</small>`;
  const size = newest === undefined ? '–' : sizeText(newest.sizeBytes);
  return html`<tr><td>${stateLabel(state)}</td><th scope="row">${name}${why}</th>${timeCell(newest?.date ?? null, at)}${timeCell(nextDue, at)}<td class="num">${size}</td><td class="num">${daysMade(days)}</td><td>${calendarSvg(days)}</td></tr>\n`;
}

/** A table has room for no more; other sections have all. */
function firstSentence(text: string): string {
  return /^.*?\.(?=\s|$)/s.exec(text)?.[0] ?? text;
}
