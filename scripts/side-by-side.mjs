/**
 * Runs scripts of package.json side by side, and prints the output of each when it has ended.
 *
 *   node scripts/side-by-side.mjs NAME…
 *
 * Exit code 1: one of them failed. The others still run to their end.
 */
import { spawn } from 'node:child_process';

const codes = await Promise.all(process.argv.slice(2).map(run));
if (codes.some((code) => code !== 0)) process.exitCode = 1;

/**
 * @param {string} name
 * @returns {Promise<number | null>} exit code; null after a signal.
 */
function run(name) {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const child = spawn('npm', ['run', '--silent', name], { stdio: ['ignore', 'pipe', 'pipe'] });
    /** @type {Buffer[]} */
    const output = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => output.push(chunk));
    child.on('error', reject);
    child.on('close', (code) => {
      const seconds = ((performance.now() - start) / 1000).toFixed(1);
      process.stdout.write(`> ${name}: ${code === 0 ? '' : 'FAILED, '}${seconds} s\n${Buffer.concat(output)}`);
      resolve(code);
    });
  });
}
