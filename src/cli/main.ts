import { listenEarly } from './live/signals.ts';
import { runProgram } from './run-program.ts';

export { runProgram };

/** Runs the program in a process of its own: words in, exit code out. */
export async function main(): Promise<void> {
  listenEarly();
  process.exit(await runProgram(process.argv.slice(2)));
}
