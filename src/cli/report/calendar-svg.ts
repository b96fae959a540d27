import { CALENDAR_DAYS, type CalendarDay } from '../../core/monitor/calendar.ts';
import { type Html, html, trusted } from '../output/html.ts';

/** Width of a day, of which one is the gap to the next. */
const DAY_WIDTH = 3;
const WIDTH = CALENDAR_DAYS * DAY_WIDTH;
const HEIGHT = 16;

/**
 * The calendar of a name, as one small picture. A day is a column: its lower part is full for a
 * version that is there and half as high for a removed one; a mark at its top is an invalid
 * version. A run of equal days is one dashed line, so that a thousand names stay a small page.
 */
export function calendarSvg(days: readonly (CalendarDay | undefined)[]): Html {
  const kept = runsOf(days, (day) => day.kept > 0);
  const removed = runsOf(days, (day) => day.kept === 0 && day.removed > 0);
  const invalid = runsOf(days, (day) => day.invalid > 0);
  return html`<svg class="cal" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${spoken(days)}">${[
    path('k', kept, 10.5),
    path('r', removed, 13),
    path('i', invalid, 2),
  ]}</svg>`;
}

/** The three marks, for a legend. */
export function calendarLegend(): Html {
  const mark = (kind: string, y: number, text: string) =>
    html`<span><svg viewBox="0 0 8 ${HEIGHT}" class="cal key" aria-hidden="true">${path(kind, `M0 ${y}h8`, undefined)}</svg>${text}</span> `;
  return html`<p class="legend">${[
    mark('k', 10.5, 'valid version'),
    mark('r', 13, 'backup made, version removed since'),
    mark('i', 2, 'invalid version: failed, damaged or still running'),
  ]}</p>`;
}

function path(kind: string, runs: string, y: number | undefined): Html | undefined {
  if (runs === '') return undefined;
  const line = y === undefined ? runs : runs.replaceAll('y', String(y));
  return trusted(`<path class="${kind}" d="${line}"/>`);
}

/** A line for each run of days; `y` stands for its height. */
function runsOf(days: readonly (CalendarDay | undefined)[], matches: (day: CalendarDay) => boolean): string {
  const isMarked = (index: number) => {
    const day = days[index];
    return day !== undefined && matches(day);
  };
  let lines = '';
  for (let start = 0; start < days.length; start++) {
    if (!isMarked(start)) continue;
    let end = start;
    while (isMarked(end + 1)) end++;
    lines += `M${start * DAY_WIDTH} yh${(end - start + 1) * DAY_WIDTH - 1}`;
    start = end;
  }
  return lines;
}

function spoken(days: readonly (CalendarDay | undefined)[]): string {
  const count = (matches: (day: CalendarDay) => boolean) => days.filter((day) => day !== undefined && matches(day)).length;
  const made = count((day) => day.kept + day.removed > 0);
  const invalid = count((day) => day.invalid > 0);
  const text = `backups on ${made} of ${CALENDAR_DAYS} days`;
  return invalid === 0 ? text : `${text}, invalid versions on ${invalid}`;
}

/** Days with a backup. */
export function daysMade(days: readonly (CalendarDay | undefined)[]): number {
  return days.filter((day) => day !== undefined && day.kept + day.removed > 0).length;
}
