import { BackyError, messageOf } from '../errors.ts';
import { listenEarly } from './live/signals.ts';
import { errorLine } from './output/error-line.ts';
import { Printer } from './output/printer.ts';
import { settleText } from './output/write-out.ts';
import { parseCommandLine } from './program.ts';

/** Runs the program in a process of its own. */
export async function main(): Promise<void> {
  listenEarly();
  process.exit(await runProgram(process.argv.slice(2)));
}

/**
 * Runs one command line in this process, with its folder, environment and file descriptors 0 to 2.
 * Loads a command's code only once the command is known.
 * @param argv the words after the program's name.
 * @returns the exit code. The caller must end the process: an open stdin would keep it alive.
 */
export async function runProgram(argv: readonly string[]): Promise<number> {
  const parsed = parseCommandLine(argv);
  if ('exitCode' in parsed) {
    await settleText();
    return parsed.exitCode;
  }
  return import('./run.ts').then(
    ({ runCommand }) => runCommand(parsed, argv),
    (cause: unknown) => cannotStart(cause, parsed.globals.json === true),
  );
}

/** Reports that files of the program, or packages that it needs, are missing. */
function cannotStart(cause: unknown, json: boolean): number {
  // Node adds the list of importing files below the first line.
  const [reason] = messageOf(cause).split('\n');
  const error = new BackyError('failed', `Cannot start: ${reason}`, { hint: 'Reinstall backy2.' });
  const printer = new Printer(json);
  printer.err(`   ERROR: ${errorLine(error)}\n`);
  printer.fail(error);
  return error.exitCode;
}
