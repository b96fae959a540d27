import { escapeHtml } from '../output/html.ts';
import type { SheetPart } from './sheet.ts';

const HEADING = 'Recovery sheet of a backy2 store';

/** Columns of a printed page. */
const WIDTH = 78;

/** The sheet as plain text. */
export function sheetText(parts: readonly SheetPart[]): string {
  const blocks = parts.map(({ title, text, lines }, index) =>
    [
      `${index + 1}. ${title}`,
      ...wrap(text),
      ...(lines.length > 0 ? ['', ...lines.map((line) => `    ${line}`.trimEnd())] : []),
    ].join('\n'),
  );
  return `${HEADING}\n${'='.repeat(HEADING.length)}\n\n${blocks.join('\n\n')}\n`;
}

function wrap(text: string): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1) ?? '';
    if (last !== '' && last.length + word.length >= WIDTH) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines;
}

/** The sheet as one page of HTML, for paper. It needs no network and no script. */
export function sheetHtml(parts: readonly SheetPart[]): string {
  const sections = parts.map(
    ({ title, text, lines }) =>
      `<section>\n<h2>${escapeHtml(title)}</h2>\n<p>${escapeHtml(text)}</p>\n${
        lines.length > 0 ? `<pre>${escapeHtml(lines.join('\n'))}</pre>\n` : ''
      }</section>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${HEADING}</title>
<style>
body { font: 11pt/1.4 serif; color: #000; background: #fff; max-width: 42em; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 16pt; }
h2 { font-size: 12pt; margin-bottom: 0; }
p { margin: 0.3em 0; }
pre { border: 1px solid #888; padding: 0.6em; white-space: pre-wrap; overflow-wrap: anywhere; }
section { break-inside: avoid; }
</style>
</head>
<body>
<h1>${HEADING}</h1>
${sections.join('\n')}
</body>
</html>
`;
}
