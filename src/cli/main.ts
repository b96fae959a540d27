import { BackyError, messageOf } from '../errors.ts';
import { errorLine } from './error-line.ts';
import { Printer } from './printer.ts';
import { listenEarly } from './signals.ts';

/** The program's start: words in, exit code out. What a command needs is loaded only once it is known which one. */
listenEarly();
const { parseCommandLine } = await import('./program.ts');
const argv = process.argv.slice(2);
const parsed = parseCommandLine(argv);
if ('exitCode' in parsed) {
  process.exitCode = parsed.exitCode;
} else {
  const exitCode = await import('./run.ts').then(({ runCommand }) => runCommand(parsed, argv), cannotStart);
  // Not exitCode alone: an stdin that nobody closed would keep the process.
  process.exit(exitCode);
}

/** The program's own files, or packages that it needs, are not there. */
function cannotStart(cause: unknown): number {
  const error = new BackyError('failed', `Cannot start: ${messageOf(cause)}`, { hint: 'Install backy2 anew.' });
  const printer = new Printer('globals' in parsed && parsed.globals.json === true);
  printer.err(`   ERROR: ${errorLine(error)}\n`);
  printer.fail(error);
  return error.exitCode;
}
