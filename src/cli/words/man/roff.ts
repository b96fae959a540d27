/**
 * A little of man(7): text is written plain, with `*bold*` and `_italic_` words, and becomes roff here. Every function returns whole
 * lines.
 */

/** How long lines of the source may be. */
const WIDTH = 78;

/** The title line. */
export function title(name: string, { section, date, version }: { section: number; date: string; version: string }): string {
  return `.TH ${name.toUpperCase()} ${section} ${date} "${escaped(version)}"\n`;
}

/** A section with what is in it. */
export function section(heading: string, ...content: string[]): string {
  return `.SH ${heading.toUpperCase()}\n${firstPart(content)}`;
}

/** A part of a section. */
export function part(heading: string, ...content: string[]): string {
  return `.SS ${inline(heading)}\n${firstPart(content)}`;
}

/** Paragraphs. */
export function text(...paragraphs: string[]): string {
  return paragraphs.map((paragraph) => `.PP\n${lines(inline(paragraph))}`).join('');
}

/** A list of terms, each with what it means below it. */
export function terms(items: readonly (readonly [term: string, meaning: string])[]): string {
  return items.map(([term, meaning]) => `.TP\n${guarded(inline(term))}\n${lines(inline(meaning))}`).join('');
}

/** Lines as they are. */
export function literal(...code: string[]): string {
  return `.PP\n.nf\n.RS 4\n${code.map((line) => `${guarded(escaped(line))}\n`).join('')}.RE\n.fi\n`;
}

/** The first paragraph needs no request of its own. */
function firstPart(content: string[]): string {
  return content.join('').replace(/^\.PP\n(?!\.)/, '');
}

/** Marks stand at the edges of words, so that `snapshot_name` and `*.log` hold none. */
function inline(marked: string): string {
  return escaped(marked)
    .replaceAll(/(?<!\w)_(\S|\S.*?\S)_(?!\w)/g, '\\fI$1\\fR')
    .replaceAll(/(?<![\w*])\*(\S|\S.*?\S)\*(?![\w*])/g, '\\fB$1\\fR');
}

function escaped(plain: string): string {
  return (
    plain
      .replaceAll('\\', '\\e')
      .replaceAll('-', '\\-')
      // Terminals without UTF-8 have none.
      .replaceAll('…', '...')
      .replaceAll(/[^\0-\x7e]/gu, (character) => {
        const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase();
        return `\\[u${code.padStart(4, '0')}]`;
      })
  );
}

/** Breaks text into lines of the source: one at least for each sentence, as its end is where roff leaves more room. */
function lines(paragraph: string): string {
  return paragraph
    .split(/(?<=[.?!]) (?=[A-Z])/)
    .flatMap((sentence) => wrapped(sentence))
    .map((line) => `${guarded(line)}\n`)
    .join('');
}

function wrapped(sentence: string): string[] {
  const done: string[] = [];
  let line = '';
  for (const word of sentence.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > WIDTH) {
      // No sentence ends here, whatever "e.g." looks like.
      done.push(/[.?!]$/.test(line) ? `${line}\\&` : line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...done, line];
}

/** A line that begins with a dot or a quote would be a request. */
function guarded(line: string): string {
  return line.replace(/^(?=[.'])/, '\\&');
}
