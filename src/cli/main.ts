import { listenEarly } from './signals.ts';

/** The program's start: words in, exit code out. What a command needs is loaded only once it is known which one. */
listenEarly();
const { parseCommandLine } = await import('./program.ts');
const argv = process.argv.slice(2);
const parsed = parseCommandLine(argv);
if ('exitCode' in parsed) {
  process.exitCode = parsed.exitCode;
} else {
  const { runCommand } = await import('./run.ts');
  const exitCode = await runCommand(parsed, argv);
  // Not exitCode alone: an stdin that nobody closed would keep the process.
  process.exit(exitCode);
}
