import { spawnSync } from 'node:child_process';
import { bareScan, fillWithChain } from '../lib/large-database.mjs';
import { Program } from '../lib/program.mjs';
import { alternate, toRow } from '../lib/rounds.mjs';
import { initialized, MOST_OF_NODE } from './common.mjs';

const CHANGED = 0.02;
const MIB = 1024 ** 2;
/** As in bench/rows/memory.mjs: the program, and the default of `sqlite_cache_mb`. */
const MEMORY_BOUND = (150 + 256) * MIB;

/**
 * Queries on a large database: 10 million blocks in 100 versions, a chain of backups. The limits
 * are fixed numbers of seconds, so a busy machine makes these rows slower.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 */
export async function* reports(workspace) {
  const chain = workspace.quick ? { versions: 10, blocks: 1_000 } : { versions: 100, blocks: 100_000 };
  const program = await initialized(new Program(workspace, { folder: workspace.folder('disk', 'reports') }));
  const uids = fillWithChain(program.database, { ...chain, changed: CHANGED });
  const of = `${chain.versions * chain.blocks} blocks in ${chain.versions} versions`;
  yield* commands(workspace, { program, uid: uids[chain.versions / 2] ?? '', of });
  yield* countOfAll(workspace, { program, of });
  yield* largeVersions(workspace);
}

/**
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 * @param {{ program: Program, uid: string, of: string }} database
 */
async function* commands(workspace, { program, uid, of }) {
  const time = (/** @type {string} */ command, /** @type {string[]} */ args) => async () => {
    const begin = performance.now();
    const { status } = spawnSync(command, args, { stdio: 'ignore' });
    if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}`);
    return { seconds: (performance.now() - begin) / 1000 };
  };
  const call = (/** @type {string[]} */ ...args) => time(workspace.program, ['-c', program.config, ...args]);
  const subjects = {
    node: time(process.execPath, ['-e', '0']),
    machine: call('-ms', 'ls'),
    ls: call('ls'),
    stats: call('stats'),
    du: call('du', uid),
  };
  const rounds = await alternate(workspace.rounds(11), subjects);
  const row = { name: 'reports', unit: 's' };
  const seconds = (/** @type {{ seconds?: number }} */ figures) => figures.seconds ?? Number.NaN;
  yield toRow(
    { ...row, what: `-ms ls, ${of}, vs node -e 0`, atMost: MOST_OF_NODE },
    rounds.map(({ machine, node }) => ({ ours: seconds(machine), limit: seconds(node) })),
  );
  /** @type {[string, keyof typeof subjects, number, { atMost?: number }][]} */
  const bounds = [
    ['-ms ls', 'machine', 0.15, {}],
    ['ls', 'ls', 0.5, { atMost: 1 }],
    ['stats', 'stats', 0.5, { atMost: 1 }],
    ['du UID', 'du', 5, { atMost: 1 }],
  ];
  for (const [what, key, limit, required] of bounds) {
    yield toRow(
      { ...row, what: `${what}, ${of}, vs ${limit} s`, ...required },
      rounds.map((round) => ({ ours: seconds(round[key]), limit })),
    );
  }
}

/**
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 * @param {{ program: Program, of: string }} database
 */
async function* countOfAll(workspace, { program, of }) {
  let peakBytes = 0;
  const rounds = await alternate(workspace.rounds(3), {
    bare: async () => ({ seconds: bareScan(program.database) }),
    ours: async () => {
      const outcome = await measured(program, ['du']);
      peakBytes = Math.max(peakBytes, outcome.peakBytes);
      return { seconds: outcome.seconds };
    },
  });
  const row = { name: 'reports', unit: 's' };
  const seconds = (/** @type {{ seconds?: number }} */ figures) => figures.seconds ?? Number.NaN;
  yield toRow(
    { ...row, what: `du, ${of}, vs a minute`, atMost: 1 },
    rounds.map(({ ours }) => ({ ours: seconds(ours), limit: 60 })),
  );
  yield toRow(
    { ...row, what: `du, ${of}, vs one bare scan` },
    rounds.map(({ ours, bare }) => ({ ours: seconds(ours), limit: seconds(bare) })),
  );
  yield toRow({ ...row, unit: 'MiB', what: `du, ${of}, memory, vs 150 MiB + page cache`, atMost: 1 }, [
    { ours: peakBytes / MIB, limit: MEMORY_BOUND / MIB },
  ]);
}

/**
 * Two versions of 10 TB: each is one statement for `du`, and 2.6 million lines for `diff-meta`.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 */
async function* largeVersions(workspace) {
  const blocks = workspace.quick ? 10_000 : 2_621_440;
  const program = await initialized(new Program(workspace, { folder: workspace.folder('disk', 'reports-large') }));
  const [left = '', right = ''] = fillWithChain(program.database, { versions: 2, blocks, changed: CHANGED });
  const row = { name: 'reports' };
  for (const args of [
    ['du', left],
    ['diff-meta', left, right],
  ]) {
    const what = `${args[0]}, ${blocks} blocks per version`;
    const { seconds, peakBytes } = await measured(program, args);
    yield toRow({ ...row, unit: 's', what: `${what}, vs 5 us per block` }, [{ ours: seconds, limit: blocks * 5e-6 }]);
    yield toRow({ ...row, unit: 'MiB', what: `${what}, memory, vs 150 MiB + page cache`, atMost: 1 }, [
      { ours: peakBytes / MIB, limit: MEMORY_BOUND / MIB },
    ]);
  }
}

/** A successful run whose output is discarded. @param {Program} program @param {string[]} args */
async function measured(program, args) {
  const outcome = await program.start(args, { watchMemory: true, discard: true }).ended;
  if (outcome.exitCode !== 0) throw new Error(`backy2 ${args.join(' ')} ended with ${outcome.exitCode}: ${outcome.stderr}`);
  return outcome;
}
