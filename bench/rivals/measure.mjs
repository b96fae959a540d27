import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { forget } from '../lib/page-cache.mjs';
import { childrenCpuMs } from '../lib/processor-time.mjs';
import { onCore } from '../lib/program.mjs';
import { alternate } from '../lib/rounds.mjs';
import { blobsIn } from '../rows/common.mjs';
import { installedTools } from './tools.mjs';

/**
 * Every tool does the same to the same image, in turns with a limit. `goal`: how many times as fast
 * as borg this program should be.
 * @typedef {{ what: string, step: import('./tools.mjs').Step, goal: number,
 *   prefix?: readonly string[], limit: Limit }} Comparison
 * @typedef {(limits: import('../lib/limits.mjs').Limits, stored: Stored) => Promise<number>} Limit
 * @typedef {{ name: string, folder: string, blobs: string[] }} Stored
 * @typedef {Record<string, Record<string, number>>} Round seconds (`seconds`) and processor seconds
 *   (`cpu`) of each tool and of `limit`.
 * @typedef {{ what: string, goal: number, rounds: Round[] }} Result
 */

/** @type {Comparison[]} */
const COMPARISONS = [
  { what: 'first backup', step: 'first', goal: 3, limit: (limits) => limits.writeBlobs() },
  { what: 'nothing changed', step: 'again', goal: 2, limit: (limits) => limits.scan() },
  { what: 'nothing changed, one core', step: 'again', goal: 1, prefix: onCore(), limit: (limits) => limits.scan(1) },
  { what: 'check', step: 'check', goal: 3.5, limit: (limits, stored) => limits.readBlobs(stored) },
  { what: 'restore to a new file', step: 'restore', goal: 5, limit: (limits, stored) => limits.copyBlobs(stored) },
];

/**
 * Measures all tools. The image is in memory, repositories and restored files are on the disk, and
 * neither is in the page cache when they are read.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 * @returns {AsyncGenerator<Result>}
 */
export async function* measureRivals(workspace) {
  const into = workspace.folder('disk', 'restored-by-rivals');
  const tools = installedTools({ workspace, source: workspace.source(), into });
  for (const { what, goal, step, prefix = [], limit } of COMPARISONS) {
    const subjects = Object.fromEntries(
      tools.map((tool) => [
        tool.name,
        async () => {
          if (step === 'first') await createEmpty(tool);
          prepare(workspace, tool.folder, into);
          const cost = await run(workspace, [...prefix, ...tool.command(step)], { env: tool.env, cwd: into });
          if (step === 'first') tool.isReady?.();
          return cost;
        },
      ]),
    );
    const bare = async () => {
      const { folder = '' } = tools[0] ?? {};
      const stored = { name: 'our repository', folder, blobs: step === 'check' || step === 'restore' ? blobsIn(folder) : [] };
      prepare(workspace, folder, into);
      return { seconds: await limit(workspace.limits, stored) };
    };
    yield { what, goal, rounds: await alternate(workspace.rounds(), { limit: bare, ...subjects }) };
    process.stderr.write(`rivals: ${what} is measured\n`);
  }

  /** @param {import('./tools.mjs').Tool} tool */
  async function createEmpty({ folder, env, create }) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    await run(workspace, create(), { env, cwd: into });
  }
}

/**
 * Nothing is left to be written when a measurement begins, and nothing can be read from memory.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 * @param {string} folder
 * @param {string} into emptied.
 */
function prepare(workspace, folder, into) {
  rmSync(into, { recursive: true, force: true });
  mkdirSync(into);
  spawnSync('sync', ['--file-system', workspace.disk]);
  forget(folder);
}

/**
 * Runs a command to its end; any exit code but 0 throws.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 * @param {string[]} command
 * @param {{ env: Record<string, string>, cwd: string }} options
 */
async function run(workspace, [file = '', ...words], { env, cwd }) {
  const [begin, cpuBegin] = [performance.now(), childrenCpuMs()];
  const child = spawn(file, words, { env: { ...process.env, ...env }, cwd, stdio: ['ignore', 'ignore', 'pipe'] });
  workspace.children.add(child);
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (part) => {
    stderr += part;
  });
  const [code] = await once(child, 'close');
  workspace.children.delete(child);
  if (code !== 0) throw new Error(`${[file, ...words].join(' ')} ended with ${code}: ${stderr}`);
  return { seconds: (performance.now() - begin) / 1000, cpu: (childrenCpuMs() - cpuBegin) / 1000 };
}
