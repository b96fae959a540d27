import type { BackyError } from '../../errors.ts';
import { printable } from './printable.ts';

/**
 * A failure as one line: message, then hint. Escapes control characters, which names may contain.
 */
export function errorLine({ message, hint }: Pick<BackyError, 'message' | 'hint'>): string {
  if (hint === undefined) return printable(message);
  return printable(`${message.replace(/(?<![.!?:])$/, '.')} ${hint}`);
}
