import { spawnSync } from 'node:child_process';
import { Program } from '../lib/program.mjs';
import { alternate, toRow } from '../lib/rounds.mjs';
import { initialized, MOST_OF_NODE } from './common.mjs';

const VERSIONS = 10;

/**
 * What every call costs before it does anything, against a Node that does nothing.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 */
export async function* start(workspace) {
  const program = await initialized(new Program(workspace, { folder: workspace.folder('disk', 'start') }));
  for (let i = 0; i < VERSIONS; i++) await program.run('backup', 'null://4MB', `vm${i}`);
  const call = (/** @type {string} */ command, /** @type {string[]} */ args) => async () => {
    const begin = performance.now();
    const { status } = spawnSync(command, args, { stdio: 'ignore' });
    if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}`);
    return { ms: performance.now() - begin };
  };
  const rounds = await alternate(workspace.quick ? 3 : 21, {
    limit: call(process.execPath, ['-e', '0']),
    version: call(workspace.program, ['-V']),
    ls: call(workspace.program, ['-ms', '-c', program.config, 'ls']),
  });
  const row = { name: 'start', unit: 'ms' };
  for (const [what, of, required] of /** @type {const} */ ([
    ['backy2 -V, of node -e 0', 'version', {}],
    [`backy2 -ms ls of ${VERSIONS} versions, of node -e 0`, 'ls', { atMost: MOST_OF_NODE }],
  ])) {
    yield toRow(
      { ...row, what, ...required },
      rounds.map((round) => ({ ours: round[of].ms ?? Number.NaN, limit: round.limit.ms ?? Number.NaN })),
    );
  }
}
