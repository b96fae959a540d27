import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** All source text, with its values as the page writes them: `Version ${uid}` is `Version …`. */
function sourceText(): string {
  const files = readdirSync(`${ROOT}src`, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  const text = files.map((file) => readFileSync(`${ROOT}src/${file}`, 'utf8')).join('\n');
  return text.replace(/\$\{(?:[^{}]|\{[^{}]*\})*\}/g, '…').replaceAll("\\'", "'");
}

/** Lines of the program that the page quotes. */
function quotedLines(): string[] {
  const page = readFileSync(`${ROOT}docs/trouble.md`, 'utf8');
  return [...page.matchAll(/^ {4}(?:ERROR|WARNING|INFO): (.*)$/gm)].map(([, line = '']) => line);
}

test('the program prints each line that docs/trouble.md explains', () => {
  const source = sourceText();
  const lines = quotedLines();
  expect(lines.length).toBeGreaterThanOrEqual(20);
  // A cause is often added elsewhere.
  const withoutEnds = (line: string) => line.replace(/^… /, '').replace(/:? …$/, '');
  expect(lines.filter((line) => !source.includes(withoutEnds(line)))).toEqual([]);
});
