import { describe, expect, test } from 'vitest';
import { checkCode, checkMarkdown, fix, languageOf } from '../../../scripts/lint/prose.mjs';

const WORDS = 'Reads a block of the source, and compares it with the block that the base has at this place. ';
const LONG = WORDS.repeat(2).trim();

const lines = (findings: { line: number }[]) => findings.map(({ line }) => line);
const widest = (text: string) => Math.max(...text.split('\n').map((line) => line.length));

describe('lines of comments', () => {
  test('a comment of more than 100 columns is found, code of more is not', () => {
    expect(lines(checkCode(`const a = 1;\n// ${LONG}\nf('${LONG}');\n`, 'script'))).toEqual([2]);
    expect(checkCode(`f(${'a, '.repeat(40)}b);\n`, 'script')).toEqual([]);
  });

  test('a comment behind code counts with its code', () => {
    expect(lines(checkCode(`const rows = ${'1 + '.repeat(20)}1; // the rows of the version\n`, 'script'))).toEqual([1]);
  });

  test('code behind a comment does not count', () => {
    expect(checkCode(`call(/** short */ ${'argument, '.repeat(10)}last);\n`, 'script')).toEqual([]);
  });

  test('a URL that is too long, and a directive, stay', () => {
    expect(checkCode(`// https://example.org/${'a'.repeat(100)}\n`, 'script')).toEqual([]);
    expect(checkCode(`// biome-ignore lint/suspicious/noConsole: ${LONG}\n`, 'script')).toEqual([]);
  });

  test.each([
    ['a string', `const url = 'http://x'; f("// ${LONG}");\n`],
    ['a template', `const url = \`// ${LONG} \${a ? \`// ${LONG}\` : { b }} // ${LONG}\`;\n`],
    ['a regular expression', `const found = text.replace(/['"\`]\\/\\/[/'] ${LONG}/g, '');\n`],
  ])('%s that holds what looks like a comment is none', (_, text) => {
    expect(checkCode(text, 'script')).toEqual([]);
  });

  test('a division is no regular expression', () => {
    expect(lines(checkCode(`const a = b / c; // ${LONG}\nconst d = (e) / f; // ${LONG}\n`, 'script'))).toEqual([1, 2]);
  });

  test('comments of shell scripts and C are checked', () => {
    expect(lines(checkCode(`#!/bin/bash\n# ${LONG}\n`, 'shell'))).toEqual([2]);
    expect(lines(checkCode(`/*\n * ${LONG}\n */\nint a = '"';\n`, 'script'))).toEqual([2]);
  });
});

describe('phrases', () => {
  test.each(['whoever reads it', 'stored anew', 'so many blocks', 'a row a blob', 'the user is told', 'what it comes to'])(
    '"%s" is found',
    (words) => {
      expect(lines(checkCode(`f();\n/** Has ${words}. */\n`, 'script'))).toEqual([2]);
      expect(lines(checkMarkdown(`# Title\n\nHas ${words}.\n`))).toEqual([3]);
    },
  );

  test('a phrase that a line break divides is found where it begins', () => {
    expect(lines(checkCode('/**\n * Reads so\n * many blocks.\n */\n', 'script'))).toEqual([2]);
    expect(lines(checkMarkdown('Reads so\nmany blocks.\n'))).toEqual([1]);
  });

  test('a part of a word, and "told apart", are no phrase', () => {
    expect(checkCode('// The canew; untold; both can be told apart. Told to stop.\n', 'script')).toEqual([]);
  });

  test('messages are checked on demand', () => {
    const text = 'throw new Error("Asks whoever is there.");\n';
    expect(checkCode(text, 'script')).toEqual([]);
    expect(lines(checkCode(text, 'script', { messages: true }))).toEqual([1]);
  });

  test('a comment that begins with "What" is found, one that goes on with it is not', () => {
    expect(lines(checkCode('/** What a block holds. */\n', 'script'))).toEqual([1]);
    expect(lines(checkCode('/**\n * What a block holds.\n */\n', 'script'))).toEqual([1]);
    expect(checkCode('// Says\n// What a block holds.\n', 'script')).toEqual([]);
  });
});

describe('Markdown', () => {
  test('prose and list items are checked; code, tables and headings are not', () => {
    expect(lines(checkMarkdown(`${LONG}\n\n- ${LONG}\n`))).toEqual([1, 3]);
    expect(
      checkMarkdown(`# ${LONG}\n\n| ${LONG} |\n\n\`\`\`\n${LONG}\nwhoever\n\`\`\`\n\n    ${LONG}\n\n[a]: ${LONG}\n`),
    ).toEqual([]);
  });

  test('a code span is no prose', () => {
    expect(checkMarkdown('The program prints `whoever`.\n')).toEqual([]);
  });
});

describe('--fix', () => {
  test.each([
    ['a docstring of one line', `  /** ${LONG} */\n  read(): void;\n`, 'script'],
    ['a docstring', `/**\n * ${LONG}\n *\n * - ${LONG}\n * @returns ${LONG}\n */\n`, 'script'],
    ['a run of line comments', `// Short.\n// ${LONG}\nf();\n`, 'script'],
    ['a comment behind code', `  const a = 1; // ${LONG}\n`, 'script'],
    ['a comment in a shell script', `# ${LONG}\nexit 1\n`, 'shell'],
    ['a document', `${LONG}\n\n- ${LONG}\n- short\n`, 'markdown'],
  ] as const)('wraps %s, keeps its words, and is done after once', (_, text, language) => {
    const fixed = fix(text, language);
    expect(widest(fixed)).toBeLessThanOrEqual(100);
    expect(fix(fixed, language)).toBe(fixed);
    const bare = (words: string) => words.replace(/^\s*\*\/|\/\*\*|\*\/|\/\/|^\s*[*#]|\s/gm, '');
    expect([...bare(fixed)].sort()).toEqual([...bare(text)].sort());
  });

  test('keeps list items apart and indents them', () => {
    const fixed = fix(`/**\n * - ${LONG}\n * - next\n */\n`, 'script').split('\n');
    expect(fixed[1]).toMatch(/^ \* - Reads/);
    expect(fixed[2]).toMatch(/^ \* {3}\w/);
    expect(fixed).toContain(' * - next');
  });

  test('leaves examples, short paragraphs, strings and code spans as they are', () => {
    const example = `/**\n * Runs:\n *\n *   backy2 ${LONG}\n */\n`;
    expect(fix(example, 'script')).toBe(example);
    const short = '// One.\n// Two.\n';
    expect(fix(short, 'script')).toBe(short);
    expect(fix(`f('// ${LONG}');\n`, 'script')).toBe(`f('// ${LONG}');\n`);
    expect(fix(`// ${WORDS}\`backy2 ls -f uid\`\n`, 'script')).toContain('// `backy2 ls -f uid`');
  });

  test('puts each @param on a line of its own', () => {
    const text = `/** ${WORDS}@param {string} path @param {{ uid: string, size: number }} version */\n`;
    expect(fix(text, 'script')).toContain('\n * @param {string} path\n * @param {{ uid: string, size: number }} version\n');
  });
});

test.each([
  ['a.ts', '', 'script'],
  ['a.c', '', 'script'],
  ['README.md', '', 'markdown'],
  ['.ci/run', '#!/bin/bash\n', 'shell'],
  ['.ci/head', '# shellcheck shell=bash\n', 'shell'],
  ['bin/backy2', '#!/usr/bin/env node\n', 'script'],
  ['a.sql', '-- text', undefined],
])('the language of %s', (path, text, language) => {
  expect(languageOf(path, text)).toBe(language);
});
