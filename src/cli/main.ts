import { listenEarly } from './signals.ts';

/** Starts the program: words in, exit code out. */
listenEarly();
const argv = process.argv.slice(2);
// Hidden: what the scripts of `completion` ask. Built by itself, so that no other start pays for it.
if (argv[0] === '__complete') await import(new URL('./complete.js', import.meta.url).href);
else {
  const { runProgram } = await import('./run-program.ts');
  process.exit(await runProgram(argv));
}
