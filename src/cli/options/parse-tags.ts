import { parse } from 'csv-parse/sync';

/** `a,b` with CSV quoting, each trimmed; only the first line counts, as in the original. Empty text: no tags. */
export function parseTags(text: string): string[] {
  if (text === '') return [];
  return [...new Set(firstRow(text).map((tag) => tag.trim()))];
}

/** Names of schedulers, written like tags; empty ones are dropped. Undefined stays undefined: the option was not given. */
export function parseNames(text: string | undefined): string[] | undefined {
  return text === undefined ? undefined : parseTags(text).filter((name) => name !== '');
}

/** The original takes a quote that is never closed as closed at the end. */
function firstRow(text: string): string[] {
  const options = { relax_quotes: true, relax_column_count: true, to: 1 };
  try {
    return (parse(text, options) as string[][])[0] ?? [];
  } catch {
    return (parse(`${text}"`, options) as string[][])[0] ?? [];
  }
}
