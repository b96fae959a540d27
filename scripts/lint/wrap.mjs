import { scan } from './scan.mjs';

/** The column that comments and prose end at. */
export const WIDTH = 100;

const DIRECTIVE = /^(?:biome-ignore|@ts-|eslint|shellcheck|region|endregion|<reference|v8 ignore)/;
// Types of JSDoc are code, so they are not divided.
const LONG_TYPE = /^@\w+ \{.{60,}\}/;
// A word, with the code span, the type or the two in it that must stay on one line.
const WORD = /(?:@\w+ \{(?:[^{}]|\{[^{}]*\})*\}(?: [\w[\].]+(?= |$))?|`[^`]+`|\S)+/g;
const TAG = /(?<=\S) (?=@(?:param|returns|typedef|throws)\b)/;
const MARKER = /^(?:[-*+] |\d+[.)] )/;

/** @returns the columns of a line: its code points. */
export function columns(line) {
  return [...line].length;
}

/** Whether a line is a directive for a tool, which must stay one line. */
export function isDirective(words) {
  return DIRECTIVE.test(words) || LONG_TYPE.test(words);
}

/**
 * Wraps the paragraphs that hold a line that is too long, and leaves all others.
 *
 * A list item keeps its indent, a tag (`@param`) begins a paragraph, an indented line is an
 * example.
 * @param lines without the comment's own prefix.
 * @param width columns that a line may take.
 */
export function wrapLines(lines, width) {
  const paragraphs = [];
  for (const line of lines.flatMap((one) => (columns(one) > width ? one.split(TAG) : [one]))) {
    const words = line.trim();
    const indent = line.length - line.trimStart().length;
    const last = paragraphs.at(-1);
    if (words === '' || isDirective(words)) paragraphs.push({ verbatim: true, lines: [line] });
    else if (MARKER.test(words)) {
      paragraphs.push({ first: ' '.repeat(indent), rest: ' '.repeat(indent + MARKER.exec(words)[0].length), lines: [line] });
    } else if (words.startsWith('@')) paragraphs.push({ first: ' '.repeat(indent), rest: ' '.repeat(indent), lines: [line] });
    else if (last && !last.verbatim && (indent === last.rest.length || indent === 0)) last.lines.push(line);
    else if (indent >= 2) paragraphs.push({ verbatim: true, lines: [line] });
    else paragraphs.push({ first: ' '.repeat(indent), rest: ' '.repeat(indent), lines: [line] });
  }
  return paragraphs.flatMap((paragraph) => {
    if (paragraph.verbatim || paragraph.lines.every((line) => columns(line) <= width)) return paragraph.lines;
    return fill(paragraph, width);
  });
}

function fill({ first, rest, lines }, width) {
  const words = lines
    .map((line) => line.trim())
    .join(' ')
    .match(WORD);
  const filled = [];
  let line = first + words.shift();
  for (const word of words) {
    // A line must not begin with what would be read as a list item.
    if (columns(line) + 1 + columns(word) <= width || MARKER.test(`${word} `)) line += ` ${word}`;
    else {
      filled.push(line);
      line = rest + word;
    }
  }
  return [...filled, line];
}

/** Wraps the comments that are too long. Comments behind code go to a line of their own above. */
export function wrapComments(text, language) {
  const lines = text.split('\n');
  // From the end, so that the numbers of the lines above stay.
  for (const { first, last, kind } of commentBlocks(text, language).reverse()) {
    const part = lines.slice(first, last + 1);
    if (part.every((line) => columns(line) <= WIDTH)) continue;
    lines.splice(
      first,
      part.length,
      ...(kind === 'block' ? wrapBlock(part) : kind === 'behind' ? moveUp(part[0]) : wrapRun(part)),
    );
  }
  return lines.join('\n');
}

/**
 * @returns comments by lines: runs of line comments, block comments, and line comments behind code.
 */
function commentBlocks(text, language) {
  const blocks = [];
  const starts = [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)];
  const lineOf = (offset) => starts.findLastIndex((start) => start <= offset);
  for (const token of scan(text, language)) {
    if (token.kind !== 'comment') continue;
    const [first, last] = [lineOf(token.start), lineOf(token.end - 1)];
    const indent = text.slice(starts[first], token.start);
    const alone = indent.trim() === '';
    if (token.text.startsWith('/*')) {
      const behind = text.slice(token.end, starts[last + 1] ?? text.length).trim();
      if (alone && behind === '') blocks.push({ kind: 'block', first, last });
    } else if (!alone) blocks.push({ kind: 'behind', first, last, indent });
    else {
      const before = blocks.at(-1);
      if (before?.kind === 'run' && before.last === first - 1 && before.indent === indent) before.last = last;
      else blocks.push({ kind: 'run', first, last, indent });
    }
  }
  return blocks;
}

function wrapBlock(part) {
  const indent = /^\s*/.exec(part[0])[0];
  const open = /^\s*(\/\*\*?)/.exec(part[0])[1];
  const body = part
    .map((line, index) => (index === 0 ? line.trim().slice(open.length) : line.replace(/^\s*(?:\*(?!\/))?/, '')))
    .map((line) => line.replace(/\s*\*\/\s*$/, '').replace(/^ /, ''));
  if (body[0] === '') body.shift();
  if (body.at(-1) === '') body.pop();
  if (part.length === 1 && isDirective(body[0])) return part;
  const wrapped = wrapLines(body, WIDTH - columns(indent) - 3);
  return [`${indent}${open}`, ...wrapped.map((line) => `${indent} * ${line}`.trimEnd()), `${indent} */`];
}

function wrapRun(part) {
  const [, indent, sign] = /^(\s*)(\/\/+|#+)/.exec(part[0]);
  const prefix = `${indent}${sign}`;
  const body = part.map((line) => line.slice(prefix.length).replace(/^ /, ''));
  return wrapLines(body, WIDTH - columns(prefix) - 1).map((line) => `${prefix} ${line}`.trimEnd());
}

function moveUp(line) {
  const [{ start }] = scan(line, 'script').filter(({ kind }) => kind === 'comment');
  const indent = /^\s*/.exec(line)[0];
  if (isDirective(line.slice(start + 2).trim())) return [line];
  return [...wrapRun([`${indent}${line.slice(start)}`]), line.slice(0, start).trimEnd()];
}

/** Wraps paragraphs and list items of Markdown; code, tables, headings and HTML stay. */
export function wrapMarkdown(text) {
  let [fence, open] = [false, []];
  const result = [];
  const flush = () => {
    result.push(...wrapLines(open, WIDTH));
    open = [];
  };
  for (const line of text.split('\n')) {
    if (/^\s*(?:```|~~~)/.test(line)) fence = !fence;
    if (isMarkdownProse(line) && !fence) open.push(line);
    else {
      flush();
      result.push(line);
    }
  }
  flush();
  return result.join('\n');
}

/**
 * Whether a line outside of fences is prose: no heading, code, table row, HTML, link target, rule.
 */
export function isMarkdownProse(line) {
  return !/^(?: {4}|\s*(?:#{1,6} |\||<|\[[^\]]+\]: |```|~~~|---))/.test(line);
}
