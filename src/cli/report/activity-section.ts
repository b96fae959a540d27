import type { ReportData } from '../../core/monitor/report-data.ts';
import { type Html, html } from '../output/html.ts';
import { chartFigure } from './charts.ts';
import { durationText, numberText, sizeText } from './format.ts';
import type { Section } from './section.ts';
import { leftOut, nothing, table } from './table.ts';

const MOST_ROWS = 50;

/** Durations and rates of the backups in the calendar's days. */
export function activitySection({ byDay, byName }: ReportData): Section {
  const title = 'Durations and rates';
  if (byName.length === 0) return { id: 'activity', title, body: nothing('No backup ended in the last 90 days.') };
  const bars = (label: string, value: (day: ReportData['byDay'][number]) => number) =>
    ({ label, kind: 'bars', points: byDay.map((day) => [day.date, value(day)] as const) }) as const;
  const figures: Html[] = [
    chartFigure({
      title: 'Written per day',
      quantity: 'bytes',
      series: [bars('bytes written', ({ bytesWritten }) => bytesWritten)],
    }),
    chartFigure({
      title: 'Time of all backups per day',
      quantity: 'seconds',
      series: [bars('sum of durations', ({ durationSeconds }) => durationSeconds)],
    }),
  ];
  const rows = byName
    .slice(0, MOST_ROWS)
    .map(
      ({ name, backups, medianSeconds, longestSeconds, medianBytesRead, medianBytesWritten, readPerSecond }) =>
        html`<tr><th scope="row">${name}</th><td class="num">${numberText(backups)}</td><td class="num">${durationText(medianSeconds)}</td><td class="num">${durationText(longestSeconds)}</td><td class="num">${sizeText(medianBytesRead)}</td><td class="num">${sizeText(medianBytesWritten)}</td><td class="num">${readPerSecond === undefined ? '–' : `${sizeText(readPerSecond)}/s`}</td></tr>\n`,
    );
  const body = html`<div class="figures">${figures}</div>
${table({
  caption: 'Backups of the last 90 days, slowest names first',
  headings: [
    ['Name', 'name'],
    ['Backups', 'num'],
    ['Median time', 'num'],
    ['Longest', 'num'],
    ['Median read', 'num'],
    ['Median written', 'num'],
    ['Read rate', 'num'],
  ],
  rows,
})}${leftOut(rows.length, byName.length, 'backy2 stats')}`;
  return { id: 'activity', title, body };
}
