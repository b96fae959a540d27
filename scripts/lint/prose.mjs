#!/usr/bin/env node
/**
 * Checks comments, documents and messages: lines of at most 100 columns, and none of the phrases
 * that are hard to read.
 *
 *   node scripts/lint/prose.mjs [--fix] [PATH…]
 *
 * Prints `file:line: finding` and exits with 1 if there is one. --fix wraps what is too long.
 * Trailing comments of shell and Python files are not seen.
 */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { scan } from './scan.mjs';
import { columns, isDirective, isMarkdownProse, WIDTH, wrapComments, wrapMarkdown } from './wrap.mjs';

const CODE = ['src', 'test', 'bench', 'scripts', '.ci', 'bin', 'completion', 'vitest.config.ts'];
const DOCUMENTS = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'docs', 'backy.cfg.example'];
const SKIPPED = /(?:^|\/)(?:node_modules|dist)\/|^scripts\/lint\/prose\.mjs$|^test\/unit\/lint\//;
/** Strings of these are what users read. Tests quote freely. */
const MESSAGES = /^src\//;

const BANNED = [
  'whoever',
  'anew',
  'of late',
  'so many',
  'so much as',
  '(?:is|are|was|were|be|been|being) gone (?:round|through|over|by)',
  'that (?:is|are|was|were) gone',
  'goes? round',
  'comes to',
  '(?:is|are|be|was|were|stands?) in the way(?! that\\b)',
  '(?:the|no|a|its|which) way on',
  'told(?! apart\\b| to\\b)',
  'what (?:is|are) (?:left|there|known)',
  'such as one',
  'an? (?:row|write|call|statement|message|commit|request|file|run|result|counter) an? [a-z]+',
].map((phrase) => new RegExp(`\\b(?:${phrase.replaceAll(' ', '\\s+')})\\b`, 'gi'));

/** Text that is fixed word by word: by the specification, or names of tests in docs/promises.md. */
const FIXED = ['which writes what is there and ends with 20', 'keeps no backup from being due, and is told'];

/** @returns {{ line: number, what: string }[]} what is wrong in a source file. */
export function checkCode(text, language, { messages = false } = {}) {
  const findings = [];
  const lines = text.split('\n');
  let before;
  for (const { kind, start, end, text: piece } of scan(text, language)) {
    const line = lineAt(text, start);
    if (kind === 'string') {
      if (messages) findings.push(...phrases(piece, line));
      continue;
    }
    const alone = lines[line - 1].trim().startsWith(piece.slice(0, 2));
    const goesOn = before === line - 1 && alone && !piece.startsWith('/*');
    if (!goesOn && /^[/*#\s]*What\b/.test(piece)) findings.push({ line, what: 'comment begins with "What"' });
    before = alone ? lineAt(text, end - 1) : undefined;
    findings.push(...phrases(piece, line));
    const last = lineAt(text, end - 1);
    for (let at = line; at <= last; at++) {
      // Code behind a comment may be longer.
      const part = at < last ? lines[at - 1] : text.slice(text.lastIndexOf('\n', end - 1) + 1, end);
      if (isTooLong(part)) findings.push(tooLong(part, at));
    }
  }
  return findings;
}

/** @returns {{ line: number, what: string }[]} what is wrong in a Markdown document. */
export function checkMarkdown(text) {
  const findings = [];
  let fence = false;
  const lines = text.split('\n');
  const prose = lines.map((line) => {
    if (/^\s*(?:```|~~~)/.test(line)) fence = !fence;
    return fence ? '' : line;
  });
  for (const [index, line] of prose.entries()) {
    if (isMarkdownProse(line) && isTooLong(line)) findings.push(tooLong(line, index + 1));
  }
  const quoted = prose.join('\n').replace(/`[^`\n]*`/g, (code) => '`'.repeat(code.length));
  return [...findings, ...phrases(quoted, 1)];
}

/** A line with one word that is too long (a URL) can't be wrapped. */
function isTooLong(line) {
  const words = line.trim().replace(/^(?:\/\*\*?|\/\/|\*|#|-|\d+\.)+\s*/, '');
  return columns(line) > WIDTH && /\s/.test(words) && !isDirective(words);
}

function tooLong(line, at) {
  return { line: at, what: `${columns(line)} columns, more than ${WIDTH}` };
}

/** @returns banned phrases, also those that a line break divides. */
function phrases(piece, firstLine) {
  // Marks of the comment and what is fixed become blanks, so that offsets stay.
  const blank = (mark) => ' '.repeat(mark.length);
  const words = FIXED.reduce((left, fixed) => left.replaceAll(fixed, blank), piece).replace(/^[ \t]*(?:\*|\/\/|#)/gm, blank);
  return BANNED.flatMap((pattern) =>
    [...words.matchAll(pattern)].map(({ 0: phrase, index }) => ({
      line: firstLine + lineAt(words, index) - 1,
      what: `"${phrase.replace(/\s+/g, ' ')}" is hard to read`,
    })),
  );
}

function lineAt(text, offset) {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) line += 1;
  return line;
}

/** @returns the language of a file by its name or its first line; undefined: none with comments. */
export function languageOf(path, text) {
  if (/\.(?:ts|mts|mjs|cjs|js|c|h)$/.test(path) || /^#!.*\bnode\b/.test(text)) return 'script';
  if (path.endsWith('.md')) return 'markdown';
  return /\.(?:sh|py|bash|fish|cfg\.example)$/.test(path) || /^(?:#!|# shellcheck|#compdef)/.test(text) ? 'shell' : undefined;
}

/** @returns the text, wrapped where it was too long. */
export function fix(text, language) {
  return language === 'markdown' ? wrapMarkdown(text) : wrapComments(text, language);
}

function filesIn(path) {
  const info = statSync(path, { throwIfNoEntry: false });
  if (info === undefined) return [];
  const files = info.isFile() ? [path] : readdirSync(path, { recursive: true }).map((name) => `${path}/${name}`);
  return files.filter((file) => !SKIPPED.test(file) && statSync(file).isFile()).sort();
}

function main(args) {
  const paths = args.filter((word) => word !== '--fix');
  let count = 0;
  for (const path of (paths.length > 0 ? paths : [...CODE, ...DOCUMENTS]).flatMap(filesIn)) {
    let text = readFileSync(path, 'utf8');
    const language = languageOf(path, text);
    if (language === undefined) continue;
    const fixed = args.includes('--fix') ? fix(text, language) : text;
    if (fixed !== text) writeFileSync(path, fixed);
    text = fixed;
    const findings = language === 'markdown' ? checkMarkdown(text) : checkCode(text, language, { messages: MESSAGES.test(path) });
    for (const { line, what } of findings.sort((a, b) => a.line - b.line)) {
      process.stdout.write(`${path}:${line}: ${what}\n`);
      count += 1;
    }
  }
  process.exitCode = count > 0 ? 1 : 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main(process.argv.slice(2));
