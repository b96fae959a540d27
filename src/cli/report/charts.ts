import { type Html, html, trusted } from '../output/html.ts';
import { line, scaleLinear, scaleUtc } from './d3.ts';
import { dayText, durationText, numberText, sizeText } from './format.ts';
import { type Quantity, unitFor } from './units.ts';

/** Of the drawing; it scales with the page. */
const [WIDTH, HEIGHT] = [440, 190];
/** The plot inside it: room for labels is at the left and below. */
const [LEFT, RIGHT, TOP, BOTTOM] = [58, WIDTH - 8, 8, HEIGHT - 22];

const TEXTS: Record<Quantity, (value: number) => string> = { bytes: sizeText, seconds: durationText, count: numberText };

type Point = readonly [date: Date, value: number];

/** A curve over time, oldest point first. */
interface Series {
  label: string;
  kind: 'line' | 'dashed' | 'bars';
  points: readonly Point[];
}

/** A picture of one or two curves. */
export interface Chart {
  title: string;
  quantity: Quantity;
  series: readonly Series[];
}

/** Draws a chart as SVG, in the page's colours. Series without points are left out. */
export function chartFigure({ title, quantity, series: all }: Chart): Html {
  const series = all.filter(({ points }) => points.length > 0);
  const legend = series.map(({ label, kind }, index) => html`<span>${keyOf(kind, index)}${label}</span> `);
  return html`<figure><figcaption>${title}</figcaption>
<svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${spoken({ title, quantity, series })}">${plot(series, quantity)}</svg>
<p class="legend">${legend}</p></figure>`;
}

function plot(series: readonly Series[], quantity: Quantity): Html[] {
  const points = series.flatMap((one) => one.points);
  const most = points.reduce((max, [, value]) => Math.max(max, value), 0);
  const unit = unitFor(quantity, most);
  const times = points.map(([date]) => date.getTime()).sort((a, b) => a - b);
  const x = scaleUtc([new Date(times[0] ?? 0), new Date(times.at(-1) ?? 0)], [LEFT, RIGHT]);
  const y = scaleLinear([0, Math.max(most / unit.size, 1)], [BOTTOM, TOP]).nice(4);
  const grid = y
    .ticks(4)
    .filter((tick) => quantity !== 'count' || Number.isInteger(tick))
    .map(
      (tick) =>
        html`<path class="grid" d="M${LEFT} ${round(y(tick))}H${RIGHT}"/><text x="${LEFT - 8}" y="${round(y(tick) + 4)}" text-anchor="end">${numberText(tick)}${tick === 0 || unit.name === '' ? '' : ` ${unit.name}`}</text>`,
    );
  const days = daysOf(x.ticks(5), x.ticks(14)).filter((tick) => x(tick) < RIGHT - 20);
  const isMonthly = days.every((tick) => tick.getUTCDate() === 1);
  const labels = days.map(
    (tick) =>
      html`<text x="${round(x(tick))}" y="${HEIGHT - 4}" text-anchor="middle">${isMonthly ? dayText(tick).slice(0, 7) : dayText(tick).slice(5)}</text>`,
  );
  const place = ([date, value]: Point): [number, number] => [round(x(date)), round(y(value / unit.size))];
  return [...grid, ...labels, ...series.map((one, index) => curve(one, index, place))];
}

/** Months, if the time has some; else every second one of the smaller steps. */
function daysOf(months: readonly Date[], steps: readonly Date[]): readonly Date[] {
  return months.length > 3 ? months : steps.filter((_, index) => index % 2 === 0);
}

function curve({ kind, points }: Series, index: number, place: (point: Point) => [number, number]): Html {
  const places = points.map(place);
  if (kind !== 'bars') return trusted(`<path class="${kind} c${index}" d="${line()(places) ?? ''}"/>`);
  // One path for all bars, each from the ground to its value.
  const width = Math.max(1, ((RIGHT - LEFT) / points.length) * 0.7);
  const bars = places.map(([x, y]) => `M${x} ${BOTTOM}V${y}`).join('');
  return trusted(`<path class="bars c${index}" stroke-width="${round(width)}" d="${bars}"/>`);
}

function keyOf(kind: Series['kind'], index: number): Html {
  const [width, d] = kind === 'bars' ? [9, 'M9 10V1'] : [2, 'M0 5H18'];
  return html`<svg class="chart key" viewBox="0 0 18 10" aria-hidden="true"><path class="${kind} c${index}" stroke-width="${width}" d="${d}"/></svg>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** The same in words. */
function spoken({ title, quantity, series }: Chart): string {
  const text = TEXTS[quantity];
  const told = ([date, value]: Point) => `${text(value)} on ${dayText(date)}`;
  const texts = series.map(({ label, points }) => {
    const [first, last] = [points[0], points.at(-1)];
    if (first === undefined || last === undefined) return label;
    const most = points.reduce((a, b) => (b[1] > a[1] ? b : a));
    return `${label}: ${told(first)}, ${told(last)}, at most ${told(most)}`;
  });
  return `${[title, ...texts].join('. ')}.`;
}
