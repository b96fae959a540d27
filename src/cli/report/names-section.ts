import { CALENDAR_DAYS, calendarStart } from '../../core/monitor/calendar.ts';
import type { NameStatus, ReportData } from '../../core/monitor/report-data.ts';
import { type Html, html } from '../output/html.ts';
import { calendarLegend, calendarSvg, daysMade } from './calendar-svg.ts';
import { dayText, sizeText, timeCell } from './format.ts';
import type { Section } from './page.ts';
import { stateLabel } from './state.ts';
import { nothing, table } from './table.ts';

/** Every name with its state and its calendar, worst first. */
export function namesSection(data: ReportData): Section {
  const { now, names } = data;
  const title = 'Names';
  if (names.length === 0)
    return { id: 'names', title, body: nothing('No backup was made yet, and the configuration names none.') };
  const sizes = new Map(data.versions.map(({ uid, sizeBytes }) => [uid, sizeBytes]));
  const days = `${dayText(calendarStart(now)).slice(5)} to ${dayText(now).slice(5)}`;
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
  rows: names.map((status) => row(status, data, sizes.get(status.newestUid ?? ''))),
})}
<p class="note">Days: those of the last ${CALENDAR_DAYS} with a backup.</p>`;
  return { id: 'names', title, body };
}

function row(status: NameStatus, { now, calendar }: ReportData, sizeBytes: number | undefined): Html {
  const { name, state, newestDate, nextDue } = status;
  const days = calendar.get(name) ?? [];
  const reason = reasonOf(status);
  const cells = html`${timeCell(newestDate, now)}${timeCell(nextDue, now)}<td class="num">${sizeBytes === undefined ? '–' : sizeText(sizeBytes)}</td><td class="num">${daysMade(days)}</td>`;
  return html`<tr><td>${stateLabel(state)}</td><th scope="row">${name}${reason === undefined ? undefined : html`<small>${reason}</small>`}</th>${cells}<td>${calendarSvg(days)}</td></tr>\n`;
}

/** One line on why a name is not in order. All breaches are in a section of their own. */
function reasonOf({ state, lastProblem, breaches }: NameStatus): string | undefined {
  if (state === 'ok') return undefined;
  const [first, ...more] = lastProblem === null ? breaches : [lastProblem, ...breaches];
  return more.length === 0 ? first : `${first} (and ${more.length} more)`;
}
