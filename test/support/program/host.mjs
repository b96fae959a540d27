/**
 * A process that has the program loaded and runs one command line after another, as the process of
 * each would: with its folder, environment, stdout and stderr. The message at a call's end lists
 * what the call has left open.
 */
import { writeSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { leftovers, takeInventory } from './leftovers.mjs';
import { stopClock } from './stop-clock.mjs';

const LARGE_BYTES = 700 * 1024 * 1024;
const [program = ''] = process.argv.slice(2);
const title = process.title;
const { runProgram } = await import(pathToFileURL(program).href);
// The first thread creates these; no call is to blame for them.
void process.stdout;
void process.stderr;
// The launcher of the program handles that one.
process.on('SIGUSR1', () => {});
// Without the tests, no further call comes.
process.on('disconnect', () => process.exit());
process.on('message', (/** @type {import('./host.d.mts').Call} */ call) => void answer(call));
process.send?.('ready');

/** @param {import('./host.d.mts').Call} call */
async function answer({ argv, env, cwd, end, clockMs }) {
  process.chdir(cwd);
  setEnvironment({ ...env, BACKY2_SIGHUP: 'heard' });
  const before = takeInventory();
  const letClockRun = clockMs === undefined ? () => {} : stopClock(clockMs);
  const code = await runProgram(argv);
  letClockRun();
  process.title = title;
  const left = await leftovers(before);
  // Output before this text belongs to this call, output after it to the next.
  for (const fd of [1, 2]) writeWhole(fd, end);
  const { user, system } = process.cpuUsage();
  /** @type {import('./host.d.mts').CallEnd} */
  const callEnd = { code, left, cpuSeconds: (user + system) / 1e6, isLarge: process.memoryUsage.rss() > LARGE_BYTES };
  process.send?.(callEnd);
}

/** @param {Record<string, string>} env */
function setEnvironment(env) {
  for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name];
  Object.assign(process.env, env);
}

/** @param {number} fd @param {string} text */
function writeWhole(fd, text) {
  for (let rest = Buffer.from(text); rest.length > 0; ) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
    }
  }
}
