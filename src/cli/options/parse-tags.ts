import { parse } from 'csv-parse/sync';

/**
 * Parses `a,b` with CSV quoting, and trims each tag. As in the original, only the first line
 * counts.
 */
export function parseTags(text: string): string[] {
  if (text === '') return [];
  return [...new Set(firstRow(text).map((tag) => tag.trim()))];
}

/** Parses names of schedulers, which are written like tags. Drops empty ones. */
export function parseNames(text: string): string[] {
  return parseTags(text).filter((name) => name !== '');
}

/** As in the original, a quote that is never closed ends with the text. */
function firstRow(text: string): string[] {
  const options = { relax_quotes: true, relax_column_count: true, to: 1 };
  try {
    return (parse(text, options) as string[][])[0] ?? [];
  } catch {
    return (parse(`${text}"`, options) as string[][])[0] ?? [];
  }
}
