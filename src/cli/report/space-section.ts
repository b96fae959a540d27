import type { FreedVersion } from '../../core/monitor/freed.ts';
import type { ReportData } from '../../core/monitor/report-data.ts';
import type { SpaceRecord } from '../../model/run-record.ts';
import { type Html, html } from '../output/html.ts';
import { chartFigure } from './charts.ts';
import { dayText, minuteText, numberText, sizeText } from './format.ts';
import type { Section } from './section.ts';
import { nothing, table } from './table.ts';

/** Space over time, and what removals would free. */
export function spaceSection({ status: { space }, freed }: ReportData): Section {
  const body = html`<h3>Over time</h3>
${overTime(space)}
<h3>What the removal of a version would free</h3>
${freedTable(freed)}`;
  return { id: 'space', title: 'Space', body };
}

function overTime(space: readonly SpaceRecord[]): Html {
  if (space.length === 0) return nothing('Not measured yet. backy2 run measures it once a day.');
  const points = (value: (record: SpaceRecord) => number | null) =>
    space.flatMap((record) => {
      const known = value(record);
      return known === null ? [] : [[record.date, known] as const];
    });
  const figures = [
    chartFigure({
      title: 'Stored, and the data of all versions',
      quantity: 'bytes',
      series: [
        { label: 'stored', kind: 'line', points: points(({ stored }) => stored) },
        { label: 'data of all versions, each by itself', kind: 'dashed', points: points(({ real }) => real) },
      ],
    }),
    chartFigure({
      title: 'Versions',
      quantity: 'count',
      series: [{ label: 'versions', kind: 'line', points: points(({ versions }) => versions) }],
    }),
  ];
  const rows = monthly(space).map(
    ({ date, virtual, real, stored, versions, names }) =>
      html`<tr><th scope="row">${dayText(date)}</th><td class="num">${sizeText(virtual)}</td><td class="num">${sizeText(real)}</td><td class="num">${stored === null ? '–' : sizeText(stored)}</td><td class="num">${numberText(versions)}</td><td class="num">${numberText(names)}</td></tr>\n`,
  );
  return html`<div class="figures">${space.length > 1 ? figures : undefined}</div>
${table({
  caption: 'Space, the first measurement of each month and the last',
  headings: [
    ['Date'],
    ['Images', 'num'],
    ['Data of all versions', 'num'],
    ['Stored', 'num'],
    ['Versions', 'num'],
    ['Names', 'num'],
  ],
  rows,
})}`;
}

/** The last record and the first of each month, newest first: at most a year. */
function monthly(space: readonly SpaceRecord[]): SpaceRecord[] {
  const isFirst = ({ date }: SpaceRecord, index: number) => {
    const before = space[index - 1];
    return before === undefined || dayText(before.date).slice(0, 7) !== dayText(date).slice(0, 7);
  };
  const chosen = space.filter((record, index) => index === space.length - 1 || isFirst(record, index));
  return chosen.slice(-13).reverse();
}

function freedTable(freed: readonly FreedVersion[] | undefined): Html {
  if (freed === undefined) return nothing('Left out: --quick was given.');
  if (freed.length === 0) return nothing('Nothing: no version has data of its own.');
  const rows = freed.map(
    ({ version, freedBytes, isNewest }) =>
      html`<tr><th scope="row">${version.name}<small>${version.uid}</small></th><td>${minuteText(version.date)}</td><td class="num">${sizeText(freedBytes)}</td><td class="num">${sizeText(version.sizeBytes)}</td><td>${version.expire === null ? '–' : dayText(version.expire)}</td><td>${[version.protected ? 'protected' : '', isNewest ? 'newest valid one' : ''].filter((note) => note !== '').join(', ')}</td></tr>\n`,
  );
  return html`<p class="lead">Each row is for the removal of this version alone. Removing several can free more than the sum: blobs that only they share.</p>
${table({
  caption: 'Versions whose removal would free most',
  headings: [['Version', 'name'], ['Date'], ['Would free', 'num'], ['Image', 'num'], ['Expires'], ['Note']],
  rows,
})}`;
}
