import { type BackyError, messageWithHint } from '../../errors.ts';
import { printable } from './printable.ts';

/**
 * A failure as one line: message, then hint. Escapes control characters, which names may contain.
 */
export function errorLine(error: Pick<BackyError, 'message' | 'hint'>): string {
  return printable(messageWithHint(error));
}
