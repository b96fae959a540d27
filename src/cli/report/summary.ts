import type { ReportData } from '../../core/monitor/report-data.ts';
import { type Html, html } from '../output/html.ts';
import { countText, distanceText, numberText, sizeText } from './format.ts';
import { STATES } from './state.ts';

/** The verdict, the number of names in each state, and the facts that one looks for first. */
export function summary(data: ReportData): Html {
  const counts = STATES.map((entry) => ({
    ...entry,
    count: data.status.names.filter(({ state }) => state === entry.state).length,
  }));
  const shown = counts.filter(({ state, count }) => count > 0 || state !== 'unknown');
  const facts = factsOf(data);
  return html`<p class="verdict ${data.status.state}">${verdict(data)}</p>
<ul class="tiles">${shown.map(
    ({ state, word, sign, count }) =>
      html`<li class="${count > 0 ? state : 'none'}"><strong>${numberText(count)}</strong> <span><b aria-hidden="true">${sign}</b> ${word}</span></li>`,
  )}</ul>
<dl class="facts">${facts.map(([term, value]) => html`<div><dt>${term}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** The worst of all, in one sentence. */
function verdict({ status: { names, problems } }: ReportData): string {
  const attention = names.filter(({ state }) => state !== 'ok').length;
  const needs = (count: number) => (count === 1 ? 'needs' : 'need');
  if (attention > 0) return `${numberText(attention)} of ${countText(names.length, 'name')} ${needs(attention)} attention.`;
  if (problems.length > 0)
    return `The backups are in order, but ${countText(problems.length, 'other matter')} ${needs(problems.length)} attention.`;
  if (names.length === 0) return 'There are no backups, and none are expected.';
  return names.length === 1
    ? 'The backups of the only name are in order.'
    : `The backups of all ${numberText(names.length)} names are in order.`;
}

function factsOf({ status, versions, byDay }: ReportData): [term: string, value: string][] {
  const { at, names, records, space } = status;
  const newest = names.reduce((most, name) => Math.max(most, name.newest?.date.getTime() ?? 0), 0);
  const runs = records.filter(({ kind }) => kind === 'run').map(({ started, ended }) => (ended ?? started).getTime());
  const invalid = versions.filter(({ valid }) => !valid).length;
  const stored = space.at(-1)?.stored ?? undefined;
  const week = byDay.slice(-7).reduce((sum, { backups }) => sum + backups, 0);
  return [
    ['Newest valid backup', newest === 0 ? 'none' : distanceText(new Date(newest), at)],
    ['Last run', runs.length === 0 ? 'none' : distanceText(new Date(Math.max(...runs)), at)],
    ['Backups in 7 days', numberText(week)],
    ['Versions', invalid === 0 ? numberText(versions.length) : `${numberText(versions.length)}, ${numberText(invalid)} invalid`],
    ['Stored', stored === undefined ? 'not measured' : sizeText(stored)],
  ];
}
