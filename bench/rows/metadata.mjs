import { join } from 'node:path';
import { bareCandidates, bareDelete, bareTakeOver, copyDatabase, removeDatabase } from '../lib/bare-database.mjs';
import { writeHints } from '../lib/hints.mjs';
import { Program } from '../lib/program.mjs';
import { alternate, toRow } from '../lib/rounds.mjs';
import { initialized, uidOf } from './common.mjs';

const BLOCK_BYTES = 4096;
const BARE_UID = '00000000-0000-1000-8000-000000000000';
const FEW_CHANGES = 100;

/** @typedef {(bare: Record<string, number>) => number} Limit */

/**
 * A hinted backup copies its base's rows inside the database, and a removal deletes rows. The limit
 * is one bare statement that does the same to a copy of the database. The base has a null source
 * whose blocks all differ: only its rows matter.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 */
export async function* metadata(workspace) {
  const sizes = workspace.quick ? [8_192, 16_384] : [262_144, 1_048_576, 2_621_440];
  const largest = sizes.at(-1);
  /** @type {Record<string, number>} Seconds by number of blocks. */
  const seconds = {};
  for (const blocks of sizes) {
    const base = await makeBase(workspace, blocks);
    const rounds = await measure(base, blocks === largest ? workspace.rounds(3) : 1);
    const what = `${blocks} blocks`;
    const required = blocks === largest ? { atMost: 1.3 } : {};
    const of = (/** @type {Limit} */ limit, /** @type {'hinted' | 'removed'} */ ours) =>
      rounds.map((round) => ({ ours: round.ours[ours] ?? Number.NaN, limit: limit(round.bare) }));
    const row = { name: 'metadata', unit: 's' };
    yield toRow(
      { ...row, what: `hinted backup, ${what}, ${FEW_CHANGES} changed, vs bare INSERT SELECT`, ...required },
      of((bare) => bare.insert ?? 0, 'hinted'),
    );
    yield toRow(
      { ...row, what: `rm, ${what}, vs bare DELETE` },
      of((bare) => bare.delete ?? 0, 'removed'),
    );
    yield toRow(
      { ...row, what: `rm, ${what}, vs bare DELETE and candidates` },
      of((bare) => (bare.delete ?? 0) + (bare.candidates ?? 0), 'removed'),
    );
    seconds[blocks] = toRow(
      { ...row, what },
      of(() => 1, 'hinted'),
    ).ours;
    if (blocks === sizes[1]) yield* growthWithChanges(base, row);
    removeDatabase(base.program.database);
    removeDatabase(base.saved);
  }
  for (const blocks of sizes.slice(1)) {
    const smallest = sizes[0] ?? 1;
    const perBlock = { ours: ((seconds[blocks] ?? 0) / blocks) * 1e6, limit: ((seconds[smallest] ?? 0) / smallest) * 1e6 };
    yield toRow({ name: 'metadata', unit: 'us/block', what: `hinted backup, ${blocks} blocks, vs ${smallest} blocks` }, [
      perBlock,
    ]);
  }
}

/**
 * @typedef {{ program: Program, saved: string, uid: string, blocks: number,
 *   hints: (changes: number) => string }} Base
 */

/**
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 * @param {number} blocks
 * @returns {Promise<Base>}
 */
async function makeBase(workspace, blocks) {
  const folder = workspace.folder('disk', `metadata-${blocks}`);
  const program = await initialized(new Program(workspace, { folder, blockSize: BLOCK_BYTES }));
  const uid = uidOf(await program.run('backup', sourceOf(blocks), 'base'));
  const saved = join(folder, 'saved.sqlite');
  copyDatabase(program.database, saved);
  return { program, saved, uid, blocks, hints: (changes) => writeHints(folder, { blocks, changes, blockSize: BLOCK_BYTES }) };
}

/** @param {number} blocks */
function sourceOf(blocks) {
  return `null://${blocks * BLOCK_BYTES}`;
}

/** @param {Base} base @param {number} rounds */
function measure(base, rounds) {
  const bareCopy = `${base.saved}.bare`;
  return alternate(rounds, {
    bare: async () => {
      copyDatabase(base.saved, bareCopy);
      const insert = bareTakeOver(bareCopy, base.uid, BARE_UID);
      const candidates = bareCandidates(bareCopy, BARE_UID);
      const remove = bareDelete(bareCopy, BARE_UID);
      removeDatabase(bareCopy);
      return { insert, candidates, delete: remove };
    },
    ours: async () => {
      const hinted = await hintedBackup(base, FEW_CHANGES);
      const removed = (await base.program.run('rm', '-f', uidOf(hinted))).seconds;
      return { hinted: hinted.seconds, removed };
    },
  });
}

/** @param {Base} base @param {number} changes */
function hintedBackup({ program, saved, uid, blocks, hints }, changes) {
  copyDatabase(saved, program.database);
  return program.run('backup', '-f', uid, '-r', hints(changes), sourceOf(blocks), 'hinted');
}

/** @param {Base} base @param {{ name: string, unit: string }} row */
async function* growthWithChanges(base, row) {
  const few = (await hintedBackup(base, FEW_CHANGES)).seconds;
  for (const changes of [10_000, 100_000].filter((count) => count < base.blocks)) {
    const { seconds } = await hintedBackup(base, changes);
    yield toRow({ ...row, what: `hinted backup, ${base.blocks} blocks, ${changes} changed, vs ${FEW_CHANGES} changed` }, [
      { ours: seconds, limit: few },
    ]);
  }
}
