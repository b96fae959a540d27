import { PLUGIN_CODES } from '../../core/monitor/state.ts';
import type { BackyError } from '../../errors.ts';
import type { Command, CommandWords } from '../command.ts';

/** The exit code of a failure; a signal keeps its own. */
export function pluginCode({ code, exitCode }: Pick<BackyError, 'code' | 'exitCode'>): number {
  return code === 'interrupted' ? exitCode : PLUGIN_CODES.unknown;
}

/** Whether wrong words call a command that ends with the exit codes of monitoring plugins. */
export function callsPlugin(words: readonly string[], commands: readonly (CommandWords & Partial<Command>)[]): boolean {
  const command = words.flatMap((word) => commands.filter(({ name }) => name === word))[0];
  return command?.isPlugin?.(words) === true;
}
