import type { BackyError } from '../../errors.ts';
import { printable } from './printable.ts';

/** A failure as one line: what is wrong, then what to do. Names of files and versions may hold anything; it is shown escaped. */
export function errorLine({ message, hint }: Pick<BackyError, 'message' | 'hint'>): string {
  if (hint === undefined) return printable(message);
  return printable(`${message.replace(/(?<![.!?:])$/, '.')} ${hint}`);
}
