import { BackyError, messageOf } from '../errors.ts';
import { errorLine } from './output/error-line.ts';
import { Printer } from './output/printer.ts';
import { parseCommandLine } from './program.ts';

/**
 * Runs one command line to its end, in the process as it is: its folder, environment and file descriptors 0, 1 and 2.
 * The code that a command needs is loaded once the command is known.
 * @param argv the words after the program's name.
 * @returns the exit code; the caller ends the process with it, since a stdin that nobody closed would keep it alive.
 */
export async function runProgram(argv: readonly string[]): Promise<number> {
  const parsed = parseCommandLine(argv);
  if ('exitCode' in parsed) return parsed.exitCode;
  return import('./run.ts').then(
    ({ runCommand }) => runCommand(parsed, argv),
    (cause: unknown) => cannotStart(cause, parsed.globals.json === true),
  );
}

/** The program's own files, or packages that it needs, are missing. */
function cannotStart(cause: unknown, json: boolean): number {
  // Node tells below it who has asked for what is missing.
  const [what] = messageOf(cause).split('\n');
  const error = new BackyError('failed', `Cannot start: ${what}`, { hint: 'Install backy2 anew.' });
  const printer = new Printer(json);
  printer.err(`   ERROR: ${errorLine(error)}\n`);
  printer.fail(error);
  return error.exitCode;
}
