import { type Html, html } from '../output/html.ts';

/** A column of a table. `num`: numbers, aligned right. */
type Heading = readonly [title: string, kind?: 'num' | 'name' | 'wide'];

/** Rows above which a table scrolls inside its section. */
const SCROLLS_ABOVE = 30;

/** A table of a report. */
export interface TableParts {
  /** Its title, for screen readers. */
  caption: string;
  id?: string;
  headings: readonly Heading[];
  rows: readonly Html[];
}

/** A table with its headings. A long one scrolls by itself, and prints in full. */
export function table({ caption, id, headings, rows }: TableParts): Html {
  const heads = headings.map(
    ([title, kind]) => html`<th scope="col"${kind === undefined ? undefined : html` class="${kind}"`}>${title}</th>`,
  );
  // The focus lets the keyboard scroll it.
  const region = rows.length > SCROLLS_ABOVE ? html` long" role="region" aria-label="${caption}" tabindex="0` : undefined;
  return html`<div class="scroll${region}"><table${id === undefined ? undefined : html` id="${id}"`}>
<caption>${caption}</caption>
<thead><tr>${heads}</tr></thead>
<tbody>
${rows}</tbody></table></div>`;
}

/** A sentence in place of a table. */
export function nothing(text: string): Html {
  return html`<p class="nothing">${text}</p>`;
}

/** Says how many rows a table leaves out. */
export function leftOut(shown: number, all: number, command: string): Html | undefined {
  return shown < all ? html`<p class="note">${all - shown} more: <code>${command}</code></p>` : undefined;
}
