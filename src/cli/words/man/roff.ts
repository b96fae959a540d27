// Converts text with `*bold*` and `_italic_` words to roff, as man(7) describes it. Every function
// returns whole lines.

/** Characters in a line of the source. */
const WIDTH = 78;

/** The fields of a page's title line. */
interface TitleFields {
  section: number;
  /** `YYYY-MM-DD`. */
  date: string;
  version: string;
}

export function title(name: string, { section, date, version }: TitleFields): string {
  return `.TH ${name.toUpperCase()} ${section} ${date} "${escaped(version)}"\n`;
}

export function section(heading: string, ...content: string[]): string {
  return `.SH ${heading.toUpperCase()}\n${firstPart(content)}`;
}

/** A subsection. */
export function part(heading: string, ...content: string[]): string {
  return `.SS ${inline(heading)}\n${firstPart(content)}`;
}

/** Paragraphs. */
export function text(...paragraphs: string[]): string {
  return paragraphs.map((paragraph) => `.PP\n${lines(inline(paragraph))}`).join('');
}

/** A list of terms, each with its meaning below it. */
export function terms(items: readonly (readonly [term: string, meaning: string])[]): string {
  return items.map(([term, meaning]) => `.TP\n${guarded(inline(term))}\n${lines(inline(meaning))}`).join('');
}

/** Lines that are not filled: code. */
export function literal(...code: string[]): string {
  return `.PP\n.nf\n.RS 4\n${code.map((line) => `${guarded(escaped(line))}\n`).join('')}.RE\n.fi\n`;
}

/** Drops the request before a first paragraph, where it is redundant. */
function firstPart(content: string[]): string {
  return content.join('').replace(/^\.PP\n(?!\.)/, '');
}

/** Converts marks at the edges of words: `snapshot_name` and `*.log` have none. */
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
      // Terminals without UTF-8 cannot show it.
      .replaceAll('…', '...')
      .replaceAll(/[^\0-\x7e]/gu, (character) => {
        const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase();
        return `\\[u${code.padStart(4, '0')}]`;
      })
  );
}

/** Wraps text, with a new line for each sentence: roff puts more space there. */
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
      // "e.g." at the end of a line must not look like the end of a sentence.
      done.push(/[.?!]$/.test(line) ? `${line}\\&` : line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...done, line];
}

/** Guards a line that begins with a dot or a quote, which would be a request. */
function guarded(line: string): string {
  return line.replace(/^(?=[.'])/, '\\&');
}
