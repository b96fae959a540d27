/** Replaces the program in tests of the host; its first word selects the behaviour. */
import { openSync, writeSync } from 'node:fs';

/** @param {string[]} argv */
export async function runProgram([what, ...rest]) {
  if (what === 'file') openSync(rest[0] ?? '', 'r');
  if (what === 'timer') setTimeout(() => {}, 60_000);
  if (what === 'listener') process.on('SIGTERM', () => {});
  if (what === 'late') setTimeout(() => {}, 100);
  if (what === 'hang') await new Promise((resolve) => setTimeout(resolve, 600_000));
  if (what === 'slow') await new Promise((resolve) => setTimeout(resolve, 1_000));
  if (what === 'die later') setTimeout(() => process.kill(process.pid, 'SIGKILL'), 200).unref();
  if (what === 'exit') process.exit(7);
  if (what === 'throw') throw new Error('nobody catches it');
  writeSync(1, `${process.cwd()} ${process.env.WORD ?? ''} ${new Date().toISOString().slice(0, 4)}\n`);
  writeSync(2, rest.join(' '));
  return 3;
}
