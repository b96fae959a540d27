import type { ReportData } from '../../core/monitor/report-data.ts';
import { html } from '../output/html.ts';
import { countText, distanceText, minuteText, numberText } from './format.ts';
import type { Section } from './section.ts';
import { nothing, table } from './table.ts';

/** How much of the stored data was verified, and when. */
export function coverageSection({ status: { at }, coverage }: ReportData): Section {
  const [id, title] = ['coverage', 'Verification'];
  if (coverage === undefined)
    return { id, title, body: nothing('Left out: --quick was given, and backy2 run has not measured it yet.') };
  const { date, blobs, never, bad, oldest, verified } = coverage;
  if (blobs === 0) return { id, title, body: nothing('Nothing is stored.') };
  const rows = verified.map(({ days, blobs: count }) => {
    // Not rounded up: 100 means all.
    const percent = Math.floor((count / blobs) * 1000) / 10;
    return html`<tr><th scope="row">${countText(days, 'day')}</th><td class="num">${numberText(count)}</td><td class="num">${percent.toFixed(1)} %</td><td class="wide"><svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect class="rest" width="100" height="10"/><rect width="${percent}" height="10"/></svg></td></tr>\n`;
  });
  const facts = [
    `${countText(blobs, 'blob')} in all${date < at ? `, as of ${minuteText(date)}` : ''}.`,
    never === 0 ? 'Each was verified at least once.' : `${numberText(never)} never verified.`,
    ...(oldest === null ? [] : [`The verification longest ago was ${minuteText(oldest)} (${distanceText(oldest, at)}).`]),
  ];
  const found =
    bad === 0
      ? 'None was bad at its last verification.'
      : html`<strong class="bad">${numberText(bad)} bad at the last verification.</strong>`;
  const body = html`<p class="lead">${facts.join(' ')} ${found}</p>
${table({ caption: 'Blobs verified within a number of days', headings: [['Within'], ['Verified', 'num'], ['Share', 'num'], ['Of all', 'wide']], rows })}`;
  return { id, title, body };
}
