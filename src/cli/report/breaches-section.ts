import type { ReportData } from '../../core/monitor/report-data.ts';
import { html } from '../output/html.ts';
import type { Section } from './section.ts';
import { leftOut, nothing, table } from './table.ts';

/** Enough for a page: a name with a broken schedule has a breach for each of its versions. */
const MOST_ROWS = 300;

/** SLA breaches, by name. */
export function breachesSection({ status: { names } }: ReportData): Section {
  const title = 'SLA breaches';
  const all = names.flatMap(({ breaches }) => breaches);
  if (all.length === 0) return { id: 'breaches', title, body: nothing('None.') };
  const rows = all
    .slice(0, MOST_ROWS)
    .map(
      ({ name, scheduler, breach }) =>
        html`<tr><th scope="row">${name}</th><td>${scheduler}</td><td class="wide">${withoutScheduler(breach, scheduler)}</td></tr>\n`,
    );
  const body = html`${table({
    caption: 'SLA breaches, names in the order of their state',
    headings: [['Name', 'name'], ['Scheduler'], ['Breach', 'wide']],
    rows,
  })}${leftOut(rows.length, all.length, 'backy2 sla')}`;
  return { id: 'breaches', title, body };
}

/** A breach begins with its scheduler, which has a column of its own. */
function withoutScheduler(breach: string, scheduler: string): string {
  return breach.startsWith(`${scheduler}: `) ? breach.slice(scheduler.length + 2) : breach;
}
