/** The page's style: light and dark, for screens of any width and for paper. */
export const STYLE = `
:root {
  color-scheme: light;
  --page: #f6f7f8; --card: #fff; --text: #1b1f24; --muted: #59636e; --line: #dfe3e7; --soft: #eef1f4;
  --accent: #0b5cad; --ok: #116b3c; --warning: #8a5700; --critical: #b3202a; --unknown: #59636e;
  --chart1: #0b5cad; --chart2: #8a5700; --kept: #2f8f5b; --removed: #9db8a8; --invalid: #c0282d;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    color-scheme: dark;
    --page: #111417; --card: #181c20; --text: #e4e8ec; --muted: #9aa5b0; --line: #2b3138; --soft: #20262c;
    --accent: #74b3f0; --ok: #5cc98d; --warning: #e3b04b; --critical: #ff8a85; --unknown: #9aa5b0;
    --chart1: #74b3f0; --chart2: #e3b04b; --kept: #4aa873; --removed: #4b6355; --invalid: #ff6f69;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; scroll-behavior: smooth; scroll-padding-top: 1rem; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", sans-serif; font-variant-numeric: tabular-nums; }
header, main { max-width: 76rem; margin: 0 auto; padding: 0 1.5rem; }
header { padding-top: 2rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 0 0 .75rem; }
h3 { font-size: .95rem; margin: 1.5rem 0 .5rem; }
h2 + h3 { margin-top: 0; }
a { color: var(--accent); }
code { font: .9em ui-monospace, "DejaVu Sans Mono", monospace; }
small { font-size: .8rem; color: var(--muted); font-weight: 400; }
.made, .note, .nothing, .lead, .legend { color: var(--muted); }
.made { margin: .15rem 0 0; font-size: .9rem; }
.note, .legend { font-size: .85rem; }
.note { margin: .6rem 0 0; }
.nothing, .lead { margin: 0; }
.lead { margin-bottom: .75rem; max-width: 46rem; }
.bad { color: var(--critical); }
.problems { list-style: none; margin: 0 0 .75rem; padding: 0; }
.problems li { display: flex; gap: 1rem; padding: .3rem 0; }
.problems .state { flex: 0 0 6rem; }
.problems span { overflow-wrap: anywhere; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 1.1rem 1.25rem 1.25rem; margin: 0 0 1.25rem; }

.verdict { font-size: 1.25rem; font-weight: 600; margin: 1.25rem 0 .75rem; }
.verdict.ok { color: var(--ok); }
.verdict.warning { color: var(--warning); }
.verdict.critical { color: var(--critical); }
.tiles { list-style: none; display: flex; flex-wrap: wrap; gap: .75rem; margin: 0 0 1rem; padding: 0; }
.tiles li { flex: 1 1 8rem; display: flex; align-items: baseline; gap: .6rem; background: var(--card); border: 1px solid var(--line); border-left: 4px solid var(--line); border-radius: 8px; padding: .6rem .9rem; }
.tiles strong { font-size: 1.6rem; line-height: 1.2; }
.tiles .ok { border-left-color: var(--ok); }
.tiles .warning { border-left-color: var(--warning); }
.tiles .critical { border-left-color: var(--critical); }
.tiles .unknown { border-left-color: var(--unknown); }
.tiles .ok span { color: var(--ok); }
.tiles .warning span { color: var(--warning); }
.tiles .critical span { color: var(--critical); }
.tiles .none strong, .tiles .none span { color: var(--muted); }
.facts { display: flex; flex-wrap: wrap; gap: .5rem 2.5rem; margin: 0 0 1.25rem; }
.facts dt { font-size: .8rem; color: var(--muted); }
.facts dd { margin: 0; font-weight: 600; }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: 0 0 1.25rem; font-size: .9rem; }

.scroll { overflow-x: auto; margin: 0 -1.25rem; padding: 0 1.25rem; }
.scroll:focus-visible { outline: 2px solid var(--accent); outline-offset: -2px; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
th, td { text-align: left; vertical-align: top; padding: .4rem 1.1rem .4rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
tbody tr:last-child > * { border-bottom: 0; }
th:last-child, td:last-child { padding-right: 0; }
thead th { font-size: .8rem; font-weight: 600; color: var(--muted); vertical-align: bottom; background: var(--card); }
tbody th { font-weight: 600; white-space: normal; overflow-wrap: anywhere; min-width: 9rem; }
tbody th small { display: block; }
td small { display: block; line-height: 1.3; }
.num { text-align: right; }
.wide { width: 100%; white-space: normal; overflow-wrap: anywhere; min-width: 14rem; }
.name { width: 40%; }
.state { font-weight: 600; }
.state b { display: inline-block; width: 1.3em; }
.state.ok { color: var(--ok); font-weight: 400; }
.state.warning { color: var(--warning); }
.state.critical { color: var(--critical); }
.state.unknown { color: var(--unknown); }

.cal { display: block; box-sizing: content-box; width: 270px; height: 16px; border-bottom: 1px solid var(--line); }
.cal path { fill: none; stroke-dasharray: 2 1; }
.cal .k { stroke: var(--kept); stroke-width: 11; }
.cal .r { stroke: var(--removed); stroke-width: 6; }
.cal .i { stroke: var(--invalid); stroke-width: 4; }
.legend { margin: 0 0 .6rem; display: flex; flex-wrap: wrap; gap: .1rem 1.25rem; }
.legend span { display: inline-flex; align-items: center; gap: .4rem; }
.key { display: inline-block; width: 18px; height: 10px; border: 0; }
.cal.key { width: 8px; height: 16px; }
.bar { display: block; width: 100%; height: 10px; margin-top: .35rem; }
.bar rect { fill: var(--chart1); }
.bar .rest { fill: var(--soft); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(19rem, 1fr)); gap: 1rem 2rem; margin-bottom: 1rem; }
figure { margin: 0; }
figure > .chart { display: block; width: 100%; height: auto; }
.chart text { font-size: 11px; fill: var(--muted); }
.chart path { fill: none; stroke-linejoin: round; }
.chart .grid { stroke: var(--line); stroke-width: 1; }
.chart .c0 { stroke: var(--chart1); }
.chart .c1 { stroke: var(--chart2); }
.chart .dashed { stroke-dasharray: 5 3; }
.chart .line, .chart .dashed { stroke-width: 2; }
figcaption { font-size: .9rem; font-weight: 600; margin-bottom: .3rem; }
.filter { display: flex; flex-wrap: wrap; align-items: center; gap: .4rem 1.25rem; margin: 0 0 .6rem; font-size: .9rem; }
.filter input[type=search] { font: inherit; color: inherit; background: var(--page); border: 1px solid var(--line); border-radius: 6px; padding: .2rem .5rem; width: 14rem; max-width: 60vw; }
output { color: var(--muted); }

@media screen {
  .long { max-height: 75vh; overflow-y: auto; }
  .long thead th { position: sticky; top: 0; box-shadow: inset 0 -1px var(--line); }
}
@media (max-width: 46rem) {
  header, main { padding: 0 .75rem; }
  header { padding-top: 1.25rem; }
  section { padding: .9rem .9rem 1rem; }
  .scroll { margin: 0 -.9rem; padding: 0 .9rem; }
  .tiles { gap: .5rem; }
  .tiles li { flex-basis: 40%; padding: .4rem .7rem; }
  .facts { gap: .5rem 1.5rem; }
  th, td { padding-right: .7rem; }
  thead th { white-space: normal; }
  .chart text { font-size: 13px; }
  tbody th, .wide { min-width: 7rem; }
  .wide:has(.bar) { min-width: 4rem; }
}
@media screen and (max-width: 46rem) {
  #all-names, #all-names tbody { display: block; }
  #all-names thead { display: none; }
  #all-names tr { display: grid; grid-template-columns: 1fr 1fr; gap: .15rem .75rem; padding: .7rem 0; border-bottom: 1px solid var(--line); }
  #all-names tr[hidden] { display: none; }
  #all-names tr > * { border: 0; padding: 0; text-align: left; }
  #all-names th { grid-column: 1 / -1; grid-row: 1; font-size: 1rem; }
  #all-names td:nth-child(1) { grid-column: 1 / -1; }
  #all-names td:nth-child(3)::before { content: "Newest valid"; }
  #all-names td:nth-child(4)::before { content: "Next due"; }
  #all-names td:nth-child(5)::before { content: "Size"; }
  #all-names td:nth-child(6)::before { content: "Days with a backup"; }
  #all-names td:nth-child(n+3)::before { display: block; font-size: .75rem; color: var(--muted); }
  #all-names td:nth-child(7) { grid-column: 1 / -1; margin-top: .25rem; }
  .cal:not(.key) { width: 100%; height: 20px; }
}
@media print {
  @page { margin: 12mm; }
  html { font-size: 12px; }
  body { background: #fff; font-size: 9pt; }
  header, main { max-width: none; padding: 0; }
  section { border: 0; border-top: 1px solid var(--line); border-radius: 0; padding: .6rem 0 0; }
  nav, .filter { display: none; }
  .scroll { overflow: visible; margin: 0; padding: 0; }
  h2, h3, figcaption { break-after: avoid; }
  tr, figure, li { break-inside: avoid; }
  table { font-size: 8pt; }
  small, thead th { font-size: 7pt; }
  th, td { padding: .15rem .65rem .15rem 0; }
  .figures { grid-template-columns: 1fr 1fr; }
  tbody th { min-width: 4.5rem; }
  .cal:not(.key) { width: 150px; height: 11px; }
  .tiles li { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
`.trim();
