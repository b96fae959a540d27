import { BackyError } from '../../errors.ts';

/** The error for `--json` where a command writes its data to stdout. */
export function noJson(command: string): BackyError {
  return new BackyError('usage', `${command} cannot print JSON here: its data goes to stdout.`, {
    hint: 'Write the data to a file, or leave --json out.',
  });
}
