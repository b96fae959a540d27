import type { ReportData } from '../../core/monitor/report-data.ts';
import { html } from '../output/html.ts';
import { countText, distanceText, minuteText, numberText } from './format.ts';
import type { Section } from './page.ts';
import { nothing, table } from './table.ts';

/** How much of the stored data was verified, and when. */
export function coverageSection({ now, coverage }: ReportData): Section {
  const title = 'Verification';
  const [first] = coverage ?? [];
  if (coverage === undefined || first === undefined)
    return { id: 'coverage', title, body: nothing('Left out: --quick was given.') };
  if (first.blobs === 0) return { id: 'coverage', title, body: nothing('Nothing is stored.') };
  const rows = coverage.map(
    ({ days, verified, percent }) =>
      html`<tr><th scope="row">${countText(days, 'day')}</th><td class="num">${numberText(verified)}</td><td class="num">${percent.toFixed(1)} %</td><td class="wide"><svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect class="rest" width="100" height="10"/><rect width="${percent}" height="10"/></svg></td></tr>\n`,
  );
  const { blobs, never, bad, oldest } = first;
  const facts = [
    `${countText(blobs, 'blob')} in all.`,
    never === 0 ? 'Each was verified at least once.' : `${numberText(never)} never verified.`,
    bad === 0 ? 'None was bad at its last verification.' : `${numberText(bad)} bad at the last verification.`,
    ...(oldest === null ? [] : [`The verification longest ago was ${minuteText(oldest)} (${distanceText(oldest, now)}).`]),
  ];
  const body = html`<p class="lead${bad > 0 ? ' bad' : ''}">${facts.join(' ')}</p>
${table({ caption: 'Blobs verified within a number of days', headings: [['Within'], ['Verified', 'num'], ['Share', 'num'], ['', 'wide']], rows })}`;
  return { id: 'coverage', title, body };
}
