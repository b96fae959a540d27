import { printable } from './printable.ts';

/** Markup whose texts are escaped. Only {@link html} and {@link trusted} make it. */
export class Html {
  readonly markup: string;

  constructor(markup: string) {
    this.markup = markup;
  }
}

/** A value in a template: text is escaped, markup and lists of values are joined. */
export type HtmlPart = Html | string | number | undefined | readonly HtmlPart[];

/** A template of markup: html`<td>${name}</td>`. Escapes texts also for quoted attributes. */
export function html(markup: TemplateStringsArray, ...parts: HtmlPart[]): Html {
  return new Html(markup.map((text, index) => text + markupOf(parts[index])).join(''));
}

/** Takes markup as it is: a style, a script or a picture of our own, never text of users. */
export function trusted(markup: string): Html {
  return new Html(markup);
}

/** Text as markup, also for quoted attributes. Line feeds stay. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (letter) => ENTITIES[letter] ?? letter);
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function markupOf(part: HtmlPart): string {
  if (part === undefined) return '';
  if (part instanceof Html) return part.markup;
  if (typeof part === 'object') return part.map(markupOf).join('');
  return escapeHtml(printable(String(part)));
}
