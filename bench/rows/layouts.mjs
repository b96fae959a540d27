import { changedBlocks, writeHints } from '../lib/hints.mjs';
import { Image } from '../lib/image.mjs';
import { loadStores } from '../lib/meta-stores.mjs';
import { childrenCpuMs, ownCpuSeconds } from '../lib/processor-time.mjs';
import { Program } from '../lib/program.mjs';
import { alternate, toRow } from '../lib/rounds.mjs';
import { usedBytes } from '../lib/used-bytes.mjs';
import { uidOf } from './common.mjs';

const BLOCK_BYTES = 4096;
const BLOCKS = 2_621_440;
const MIB = 1024 ** 2;
const [FEW, SOME, MANY] = [100, 10_000, 100_000];
/** Bounds of the compact layout on SQLite. */
const MOST_SECONDS = 1;
const MOST_MIB = 1;
const MOST_BYTES_PER_BLOCK = 220;

/** Rows of one engine, in the order of the steps: name, unit, and the required ratio if any. */
const STEPS = /** @type {const} */ ([
  ['full', 'first full backup', 'us/block'],
  ['bytes', 'database after it', 'bytes/block'],
  ['few', `+${FEW} changes`, 's'],
  ['fewMib', `growth by +${FEW} changes`, 'MiB'],
  ['repeat', 'the same without a base, nothing changed', 'us/block'],
  ['iterate', 'all rows in order', 'us/block'],
  ['random', 'one row at random', 'us'],
  ['hits', 'lookup, hit', 'us'],
  ['misses', 'lookup, miss', 'us'],
  ['usage', 'du of all versions', 's'],
  ['remove', `rm of +${FEW} changes`, 's'],
]);

/**
 * Required ratios to the classic layout.
 * @typedef {Partial<Record<string, { atMost: number }>>} Required
 */

/**
 * Both layouts of the database, in processor time: of this process, which runs the store itself. A
 * command would read and hash in addition.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 */
export async function* layouts(workspace) {
  const blocks = workspace.quick ? 10_000 : (workspace.blocks ?? BLOCKS);
  const stores = await loadStores(workspace);
  const rounds = await alternate(1, {
    classic: () => measureSqlite(workspace, { stores, blocks, layout: 'classic' }),
    compact: () => measureSqlite(workspace, { stores, blocks, layout: 'compact' }),
  });
  yield* compare({ engine: 'sqlite', blocks, rounds, required: { hits: { atMost: 1 }, misses: { atMost: 1 } } });
  yield* bounds(rounds[0]?.compact ?? {}, blocks);
  yield* moreChanges({ engine: 'sqlite', blocks, compact: rounds[0]?.compact ?? {} });
}

/**
 * A row for each step: the compact layout, with the classic one as its limit.
 * @param {{ engine: string, blocks: number, required: Required,
 *   rounds: Record<'classic' | 'compact', Record<string, number>>[] }} figures
 */
export function* compare({ engine, blocks, rounds, required }) {
  for (const [step, what, unit] of STEPS)
    yield toRow(
      { name: 'layouts', unit, what: `${engine}, ${blocks} blocks: ${what}, vs classic`, ...required[step] },
      rounds.map(({ compact, classic }) => ({ ours: compact[step] ?? Number.NaN, limit: classic[step] ?? Number.NaN })),
    );
}

/** @param {Record<string, number>} compact @param {number} blocks */
function* bounds(compact, blocks) {
  /** @param {string} step @param {string} what @param {string} unit @param {number} limit */
  const row = (step, what, unit, limit) =>
    toRow({ name: 'layouts', what: `sqlite, ${blocks} blocks: ${what}, vs ${limit} ${unit}`, unit, atMost: 1 }, [
      { ours: compact[step] ?? Number.NaN, limit },
    ]);
  yield row('bytes', 'database after the first backup', 'bytes/block', MOST_BYTES_PER_BLOCK);
  yield row('processSeconds', `+${FEW} changes, whole process`, 's', MOST_SECONDS);
  yield row('processCpu', `+${FEW} changes, processor time of the process`, 's', MOST_SECONDS);
  yield row('fewMib', `growth by +${FEW} changes`, 'MiB', MOST_MIB);
}

/**
 * Numbers of changes that are measured in addition. Those of a classic version cost the same,
 * however many.
 * @param {'classic' | 'compact'} layout @param {number} blocks @returns {number[]}
 */
export function changeCounts(layout, blocks) {
  return layout === 'classic' ? [] : [SOME, MANY].filter((count) => count * 2 < blocks);
}

/**
 * Rows of these.
 * @param {{ engine: string, blocks: number, compact: Record<string, number> }} figures
 */
export function* moreChanges({ engine, blocks, compact }) {
  for (const [step, changes] of /** @type {const} */ ([
    ['some', SOME],
    ['many', MANY],
  ])) {
    if (compact[step] === undefined) continue;
    const what = `${engine}, ${blocks} blocks: +${changes} changes, vs +${FEW}`;
    const values = (/** @type {string} */ end) => [{ ours: compact[step + end] ?? Number.NaN, limit: compact[`few${end}`] ?? 0 }];
    yield toRow({ name: 'layouts', what, unit: 's' }, values(''));
    yield toRow({ name: 'layouts', what: `${what}, growth`, unit: 'MiB' }, values('Mib'));
  }
}

/**
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 * @param {{ stores: import('../lib/meta-stores.mjs').Stores, blocks: number,
 *   layout: 'classic' | 'compact' }} options
 */
async function measureSqlite(workspace, { stores, blocks, layout }) {
  const program = new Program(workspace, { folder: workspace.folder('disk', `layouts-${layout}`), blockSize: BLOCK_BYTES });
  await program.run('initdb', '--layout', layout);
  const store = stores.sqlite(program.database);
  await store.open();
  const image = new Image(store, { blocks, blockSize: BLOCK_BYTES, name: 'vm', clock: ownCpuSeconds });
  const figures = await measureSteps(image, { more: changeCounts(layout, blocks), bytes: () => usedBytes(program.database) });
  await store.close();
  if (layout === 'compact') Object.assign(figures.values, await wholeProcess(program, { uid: figures.base, blocks }));
  workspace.folder('disk', `layouts-${layout}`);
  return figures.values;
}

/**
 * All steps on a new image. @returns what each costs, by name, and the first version.
 * @param {Image} image
 * @param {{ more: readonly number[], bytes: () => number }} options
 * - `more`: further numbers of changes.
 * - `bytes`: the size of the database.
 */
export async function measureSteps(image, { more, bytes }) {
  const { blocks } = image;
  const perBlock = 1e6 / blocks;
  const lookups = Math.min(blocks, 50_000);
  const full = await image.full();
  let size = bytes();
  /** @type {Record<string, number>} */
  const values = { full: full.seconds * perBlock, bytes: size / blocks };
  let newest = full.uid;
  const uids = [full.uid];
  for (const [name, changes] of [['few', FEW], ...more.map((count) => [count === SOME ? 'some' : 'many', count])]) {
    const { uid, seconds } = await image.hinted(newest, changedBlocks(blocks, Number(changes)));
    const grown = bytes() - size;
    Object.assign(values, { [String(name)]: seconds, [`${name}Mib`]: grown / MIB });
    size += grown;
    newest = uid;
    uids.push(uid);
  }
  const repeat = await image.repeat();
  values.repeat = repeat.seconds * perBlock;
  values.iterate = (await image.iterate(newest)) * perBlock;
  values.random = ((await image.randomRows(newest, lookups / 10)) / (lookups / 10)) * 1e6;
  values.hits = ((await image.lookups(lookups, 'hits')) / lookups) * 1e6;
  values.misses = ((await image.lookups(lookups, 'misses')) / lookups) * 1e6;
  values.usage = await image.usage([...uids, repeat.uid]);
  values.remove = await image.remove(uids[1] ?? '');
  return { values, base: full.uid };
}

/**
 * A hinted backup by the real program.
 * @param {Program} program
 * @param {{ uid: string, blocks: number }} base
 */
async function wholeProcess(program, { uid, blocks }) {
  const hints = writeHints(program.folder, { blocks, changes: FEW, blockSize: BLOCK_BYTES });
  const cpuMs = childrenCpuMs();
  const backup = await program.run('backup', '-f', uid, '-r', hints, `null://${blocks * BLOCK_BYTES}`, 'vm');
  if (uidOf(backup) === uid) throw new Error('no new version');
  return {
    processSeconds: backup.seconds,
    processCpu: (childrenCpuMs() - cpuMs) / 1000,
  };
}
