/** What can stand for an argument or for an option's value, as far as completion can tell. */
export type ValueKind =
  | 'uid'
  | 'name'
  | 'snapshot'
  | 'tag'
  | 'tags'
  | 'schedulers'
  | 'fields'
  | 'shell'
  | 'file'
  | 'source'
  | 'target'
  | 'unknown';

/** The words that commands write between `<>` or `[]`. Any other (`<date>`, `<percent>`) is nothing that a list could be made of. */
const KINDS: [placeholder: RegExp, kind: ValueKind][] = [
  [/uid/, 'uid'],
  [/^snapshot/, 'snapshot'],
  [/^name$/, 'name'],
  [/^tag$/, 'tag'],
  [/^tags$/, 'tags'],
  [/^schedulers?$/, 'schedulers'],
  [/^fields$/, 'fields'],
  [/^shell$/, 'shell'],
  [/^(file|filename|mount|mountpoint|folder)$/, 'file'],
  [/^source$/, 'source'],
  [/^target$/, 'target'],
];

/** The kind of value that commander's syntax (`<uid>`, `[name]`, `<uids...>`, `-r, --rbd <file>`) asks for. */
export function valueKind(syntax: string): ValueKind {
  const placeholder = /[<[]([^>\].]+)/.exec(syntax)?.[1] ?? '';
  return KINDS.find(([pattern]) => pattern.test(placeholder))?.[1] ?? 'unknown';
}
