import { createHash } from 'node:crypto';
import type { ReportData } from '../../core/monitor/report-data.ts';
import { html, trusted } from '../output/html.ts';
import { programVersion } from '../words/version.ts';
import { activitySection } from './activity-section.ts';
import { breachesSection } from './breaches-section.ts';
import { coverageSection } from './coverage-section.ts';
import { minuteText } from './format.ts';
import { namesSection } from './names-section.ts';
import { problemsSection } from './problems-section.ts';
import { SCRIPT } from './script.ts';
import { spaceSection } from './space-section.ts';
import { STYLE } from './style.ts';
import { summary } from './summary.ts';

/**
 * The report as one page of HTML. It loads nothing, and its tables need no script.
 * @param host that made it.
 */
export function reportPage(data: ReportData, host: string): string {
  const made = `${minuteText(data.status.at)} UTC`;
  const sections = [
    problemsSection(data),
    namesSection(data),
    breachesSection(data),
    coverageSection(data),
    spaceSection(data),
    activitySection(data),
  ];
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>Backups of ${host}, ${made}</title>
<style>${trusted(STYLE)}</style>
</head>
<body>
<header>
<h1>Backups of ${host}</h1>
<p class="made">${made}, backy2 ${programVersion()}. All times are UTC.</p>
</header>
<main>
${summary(data)}
<nav aria-label="Sections">${sections.map(({ id, title }) => html`<a href="#${id}">${title}</a> `)}</nav>
${sections.map(({ id, title, body }) => html`<section id="${id}" aria-labelledby="${id}-title">\n<h2 id="${id}-title">${title}</h2>\n${body}\n</section>\n`)}</main>
<script>${trusted(SCRIPT)}</script>
</body>
</html>
`.markup;
}

/** Even if a text of users came through as markup, nothing of it would run or load. */
const POLICY = `default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-${createHash('sha256').update(SCRIPT).digest('base64')}'; base-uri 'none'; form-action 'none'`;
