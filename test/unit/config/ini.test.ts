import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mergeInis, parseIni } from '../../../src/config/ini.ts';
import { getValue, rawValue } from '../../../src/config/values.ts';
import { configErrorOf } from './sandbox.ts';

const readValue = (text: string, option: string, section = 'a') => getValue(parseIni(text, 'x.cfg'), section, option);
const syntaxErrorOf = (text: string) => configErrorOf(() => parseIni(text, 'x.cfg')).message;
const valueErrorOf = (text: string, option: string) => configErrorOf(() => readValue(text, option)).message;

describe('lines', () => {
  test.each([
    ['k: v', 'v'],
    ['k = v', 'v'],
    ['k=v', 'v'],
    ['k : v', 'v'],
    ['K: v', 'v'],
    ['   k: v', 'v'],
    ['k: a=b:c', 'a=b:c'],
    ['k: v ; no comment', 'v ; no comment'],
    ['k: v # no comment', 'v # no comment'],
    ['k: # no comment', '# no comment'],
    ['k:', ''],
    ['k: v   ', 'v'],
    ['# k: w\n; k: w\n  # k: w\nk: v', 'v'],
    ['k:\n  one\n  two', '\none\ntwo'],
    ['k: one\n  two\n\n  three\n\nl: x', 'one\ntwo\n\nthree'],
    ['k: one\n  # gone\n  two', 'one\ntwo'],
    ['k: one\r\n  two\r\n', 'one\ntwo'],
    ['k: ümläut', 'ümläut'],
  ])('%j', (text, value) => {
    expect(readValue(`[a]\n${text}`, 'k')).toBe(value);
  });

  test('a line without deeper indentation begins a new option', () => {
    const text = '[a]\n  k: v\n  l: w\n m: x';
    expect(['k', 'l', 'm'].map((option) => readValue(text, option))).toEqual(['v', 'w', 'x']);
  });

  test('section names are case-sensitive, and text after the bracket is ignored', () => {
    const ini = parseIni('[a] # one\nk: 1\n[A]\nk: 2', 'x.cfg');
    expect([getValue(ini, 'a', 'k'), getValue(ini, 'A', 'k'), getValue(ini, 'b', 'k')]).toEqual(['1', '2', undefined]);
  });

  test('names of JavaScript itself are ordinary names', () => {
    expect(readValue('[constructor]\n__proto__: v', '__proto__', 'constructor')).toBe('v');
    expect(readValue('[a]\nk: v', 'constructor')).toBeUndefined();
  });

  test('every value knows its file and line', () => {
    const ini = mergeInis([parseIni('[a]\nk: 1\nl: 1', 'one.cfg'), parseIni('\n[a]\nk: 2', 'two.cfg')]);
    expect(rawValue(ini, 'a', 'k')).toEqual({ text: '2', file: 'two.cfg', line: 3 });
    expect(rawValue(ini, 'a', 'l')).toEqual({ text: '1', file: 'one.cfg', line: 3 });
    expect(ini.files).toEqual(['one.cfg', 'two.cfg']);
  });
});

describe('syntax errors name file and line, and quote nothing', () => {
  test.each([
    ['hello world', 'x.cfg:1: text before the first [section].'],
    ['# fine\nk: v', 'x.cfg:2: text before the first [section].'],
    ['[a]\nsecret', 'x.cfg:2: neither "[section]" nor "option: value".'],
    ['[a]\n= v', 'x.cfg:2: neither "[section]" nor "option: value".'],
    ['[a]\n[b]\n[a]', 'x.cfg:3: section [a] already exists in line 1.'],
    ['[a]\nk: v\nK = v', 'x.cfg:3: option k already exists in section [a], line 2.'],
  ])('%j', (text, message) => {
    expect(syntaxErrorOf(text)).toBe(message);
  });
});

describe('interpolation', () => {
  test.each([
    ['k: 100%%', '100%'],
    ['k: %%(l)s', '%(l)s'],
    ['k: %(l)s/data\nl: /srv', '/srv/data'],
    ['k: %(L)s\nl: %(m)s%%\nm: x', 'x%'],
    ['k: %(base)s\n[DEFAULT]\nbase: /d', '/d'],
    ['k: %(base)s\nbase: /own\n[DEFAULT]\nbase: /d', '/own'],
    ['[DEFAULT]\nk: inherited', 'inherited'],
    ['[DEFAULT]\nk: %(l)s\n[DEFAULT]\nl: two places', 'two places'],
  ])('%j', (text, value) => {
    expect(readValue(`[a]\n${text}`, 'k')).toBe(value);
  });

  test.each([
    ['k: secret%', 'x.cfg: [a] k: has a lone "%". Write "%%" for a percent sign.'],
    ['k: %secret', 'x.cfg: [a] k: has a lone "%". Write "%%" for a percent sign.'],
    ['k: %(l', 'x.cfg: [a] k: has a lone "%". Write "%%" for a percent sign.'],
    ['k: %(l)s', 'x.cfg: [a] k: "%(l)s" refers to an option that is missing in this section and in [DEFAULT].'],
    ['k: %(l)s\nl: %(k)s', 'x.cfg: [a] k: its %(name)s references form a circle or are nested too deep.'],
  ])('%j is an error', (text, message) => {
    expect(valueErrorOf(`[a]\n${text}`, 'k')).toBe(message);
  });

  test('a wrong value that is not read raises no error', () => {
    expect(readValue('[a]\nk: v\nl: %', 'k')).toBe('v');
  });
});

test('a written file reads back the same', () => {
  const word = fc.stringMatching(/^[!-~äöü€]([ -~äöü€]*[!-~äöü€])?$/);
  const name = fc.stringMatching(/^[a-z_][a-z0-9_ .-]*[a-z0-9]$/);
  const section = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_ ]*$/).filter((title) => title !== 'DEFAULT');
  // A continuation line must not look like a comment.
  const value = fc
    .tuple(
      fc.option(word, { nil: '' }),
      fc.array(
        word.filter((text) => !/^[#;]/.test(text)),
        { maxLength: 2 },
      ),
    )
    .map(([first, rest]) => [first, ...rest].join('\n'));
  const file = fc.dictionary(section, fc.dictionary(name, value));
  fc.assert(
    fc.property(file, fc.constantFrom(': ', '=', ' = '), fc.constantFrom('\n', '\r\n'), (sections, delimiter, newline) => {
      const write = ([key, text]: [string, string]) => key + delimiter + text.replaceAll('%', '%%').replaceAll('\n', '\n\t');
      const lines = Object.entries(sections).flatMap(([title, options]) => [
        `[${title}]`,
        ...Object.entries(options).map(write),
        '',
      ]);
      const ini = parseIni(lines.join('\n').replaceAll('\n', newline), 'x.cfg');
      expect([...ini.sections.keys()].sort()).toEqual(Object.keys(sections).sort());
      for (const [title, options] of Object.entries(sections)) {
        for (const [key, text] of Object.entries(options)) expect(getValue(ini, title, key)).toBe(text);
      }
    }),
  );
});
