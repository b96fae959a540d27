import { BackyError, messageOf } from '../errors.ts';
import { errorLine } from './error-line.ts';
import { Printer } from './printer.ts';
import { listenEarly } from './signals.ts';

/** The program's start: words in, exit code out. What a command needs is loaded only once it is known which one. */
listenEarly();
const argv = process.argv.slice(2);
// Hidden: what the scripts of `completion` ask. Built by itself, so that no other start pays for it.
if (argv[0] === '__complete') await import(new URL('./complete.js', import.meta.url).href);
else await start();

/** A command line to its end. */
async function start(): Promise<void> {
  const { parseCommandLine } = await import('./program.ts');
  const parsed = parseCommandLine(argv);
  if ('exitCode' in parsed) {
    process.exitCode = parsed.exitCode;
    return;
  }
  const exitCode = await import('./run.ts').then(
    ({ runCommand }) => runCommand(parsed, argv),
    (cause: unknown) => cannotStart(cause, parsed.globals.json === true),
  );
  // Not exitCode alone: an stdin that nobody closed would keep the process.
  process.exit(exitCode);
}

/** The program's own files, or packages that it needs, are not there. */
function cannotStart(cause: unknown, json: boolean): number {
  const error = new BackyError('failed', `Cannot start: ${messageOf(cause)}`, { hint: 'Install backy2 anew.' });
  const printer = new Printer(json);
  printer.err(`   ERROR: ${errorLine(error)}\n`);
  printer.fail(error);
  return error.exitCode;
}
