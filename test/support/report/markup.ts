/** A table as its markup gives it. */
interface ParsedTable {
  headings: string[];
  /** Number of cells of each row. */
  rows: number[];
}

/** Elements without an end. */
const VOID = new Set(['meta', 'link', 'input', 'br', 'hr', 'img']);
/** Elements of SVG that may end in their start tag. */
const SHAPES = new Set(['path', 'rect', 'text', 'svg']);

/** Tag, comment or doctype at the start. Values of attributes are quoted. */
const TAG = /^<(\/?)([a-z][a-z0-9]*)((?:\s+[a-zA-Z-]+(?:="[^"<>]*")?)*)\s*(\/?)>/;

/** The parts of a page of HTML. */
export interface Markup {
  /** Start and end tags in order, with the names of their attributes. */
  tags: string[];
  texts: string[];
  tables: ParsedTable[];
}

/**
 * Reads a page strictly: each element is ended in order, attributes are quoted and occur once, ids
 * are unique and references to them exist, and text has no bare `<` or `&`.
 * @throws Error with the place of the first fault.
 */
export function checkMarkup(page: string): Markup {
  const open: string[] = [];
  const [tags, texts, tables]: [string[], string[], ParsedTable[]] = [[], [], []];
  const [ids, references] = [new Set<string>(), new Set<string>()];
  let rest = page.replace(/^<!doctype html>/, '');
  const fail = (what: string): never => {
    throw new Error(`${what}, in ${open.join(' ')}: ${rest.slice(0, 200)}`);
  };
  while (rest !== '') {
    const text = /^[^<]*/.exec(rest)?.[0] ?? '';
    if (/&(?!(?:amp|lt|gt|quot|#39);)|>/.test(text)) fail('unescaped text');
    texts.push(text);
    rest = rest.slice(text.length);
    if (rest === '') break;
    const [whole, end, name = '', attributes = '', isEmpty] = TAG.exec(rest) ?? fail('no tag');
    rest = rest.slice(whole.length);
    if (end === '/') {
      if (open.pop() !== name) fail(`wrong end of ${name}`);
      tags.push(`/${name}`);
      continue;
    }
    const pairs = [...attributes.matchAll(/([a-zA-Z-]+)(?:="([^"]*)")?/g)].map(
      ([, key = '', value = '']) => [key, value] as const,
    );
    if (new Set(pairs.map(([key]) => key)).size < pairs.length) fail(`an attribute twice on ${name}`);
    for (const [key, value] of pairs) {
      if (key === 'id') {
        if (ids.has(value)) fail(`the id ${value} twice`);
        ids.add(value);
      }
      if (key === 'aria-labelledby') references.add(value);
      if (key === 'href' && value.startsWith('#')) references.add(value.slice(1));
    }
    tags.push([name, ...pairs.map(([key]) => key)].join(' '));
    if (name === 'table') tables.push({ headings: [], rows: [] });
    const table = tables.at(-1);
    if (open.includes('thead') && name === 'th') table?.headings.push(whole);
    if (open.includes('tbody') && name === 'tr') table?.rows.push(0);
    if (open.at(-1) === 'tr' && open.includes('tbody')) table?.rows.push((table.rows.pop() ?? 0) + 1);
    if (name === 'style' || name === 'script') {
      rest = rest.slice(rest.indexOf(`</${name}>`));
    }
    if (isEmpty === '/' && !SHAPES.has(name)) fail(`${name} ends itself`);
    if (!VOID.has(name) && isEmpty !== '/') open.push(name);
  }
  if (open.length > 0) fail('not ended');
  for (const id of references) if (!ids.has(id)) fail(`no element ${id}`);
  return { tags, texts, tables };
}
