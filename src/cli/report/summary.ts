import type { ReportData } from '../../core/monitor/report-data.ts';
import { type Html, html } from '../output/html.ts';
import { countText, distanceText, numberText, sizeText } from './format.ts';
import { STATES } from './state.ts';

/** The verdict, the number of names in each state, and the facts that one looks for first. */
export function summary(data: ReportData): Html {
  const counts = STATES.map((entry) => ({ ...entry, count: data.names.filter(({ state }) => state === entry.state).length }));
  const shown = counts.filter(({ state, count }) => count > 0 || state !== 'unknown');
  const facts = factsOf(data);
  return html`<p class="verdict ${worst(data)}">${verdict(data)}</p>
<ul class="tiles">${shown.map(
    ({ state, word, sign, count }) =>
      html`<li class="${count > 0 ? state : 'none'}"><strong>${numberText(count)}</strong> <span><b aria-hidden="true">${sign}</b> ${word}</span></li>`,
  )}</ul>
<dl class="facts">${facts.map(([term, value]) => html`<div><dt>${term}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** The state of the worst name. Names are sorted by it. */
function worst({ names }: ReportData): string {
  return names[0]?.state ?? 'unknown';
}

function verdict({ names }: ReportData): string {
  const attention = names.filter(({ state }) => state !== 'ok').length;
  if (names.length === 0) return 'There are no backups, and none are expected.';
  if (attention === 0)
    return names.length === 1
      ? 'The backups of the only name are in order.'
      : `The backups of all ${numberText(names.length)} names are in order.`;
  return `${numberText(attention)} of ${countText(names.length, 'name')} ${attention === 1 ? 'needs' : 'need'} attention.`;
}

function factsOf({ now, names, versions, space, byDay, runEnded }: ReportData): [term: string, value: string][] {
  const newest = names.map(({ newestDate }) => newestDate?.getTime() ?? 0).reduce((a, b) => Math.max(a, b), 0);
  const invalid = versions.filter(({ valid }) => !valid).length;
  const latest = space.at(-1);
  const week = byDay.slice(-7).reduce((sum, { backups }) => sum + backups, 0);
  return [
    ['Newest valid backup', newest === 0 ? 'none' : distanceText(new Date(newest), now)],
    ['Last run', runEnded === undefined ? 'none' : distanceText(runEnded, now)],
    ['Backups in 7 days', numberText(week)],
    ['Versions', invalid === 0 ? numberText(versions.length) : `${numberText(versions.length)}, ${numberText(invalid)} invalid`],
    ['Stored', latest === undefined || latest.stored === null ? 'not measured' : sizeText(latest.stored)],
  ];
}
