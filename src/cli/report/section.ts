import type { Html } from '../output/html.ts';

/** A part of the page. */
export interface Section {
  /** Of the link to it. */
  id: string;
  title: string;
  body: Html;
}
