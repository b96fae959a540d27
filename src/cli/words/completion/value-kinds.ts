/** The kinds of arguments and option values that completion tells apart. */
export type ValueKind =
  | 'uid'
  | 'name'
  | 'snapshot'
  | 'tag'
  | 'tags'
  | 'schedulers'
  | 'job'
  | 'fields'
  | 'shell'
  | 'file'
  | 'source'
  | 'target'
  | 'unknown';

/**
 * Kinds by the placeholder between `<>` or `[]`. Others (`<date>`, `<percent>`) have no list of
 * values.
 */
const KINDS: [placeholder: RegExp, kind: ValueKind][] = [
  [/uid/, 'uid'],
  [/^snapshot/, 'snapshot'],
  [/^name$/, 'name'],
  [/^tag$/, 'tag'],
  [/^tags$/, 'tags'],
  [/^schedulers?$/, 'schedulers'],
  [/^jobs?$/, 'job'],
  [/^fields$/, 'fields'],
  [/^shell$/, 'shell'],
  [/^(file|filename|mount|mountpoint|folder)$/, 'file'],
  [/^source$/, 'source'],
  [/^target$/, 'target'],
];

/** The kind of value in commander's syntax (`<uid>`, `[name]`, `<uids...>`, `-r, --rbd <file>`). */
export function valueKind(syntax: string): ValueKind {
  const placeholder = /[<[]([^>\].]+)/.exec(syntax)?.[1] ?? '';
  return KINDS.find(([pattern]) => pattern.test(placeholder))?.[1] ?? 'unknown';
}
