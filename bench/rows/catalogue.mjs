import { cpSync, readdirSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { writeHints } from '../lib/hints.mjs';
import { Image } from '../lib/image.mjs';
import { loadStores } from '../lib/meta-stores.mjs';
import { ownCpuSeconds } from '../lib/processor-time.mjs';
import { Program } from '../lib/program.mjs';
import { writeRandomFile } from '../lib/random-file.mjs';
import { alternate, toRow } from '../lib/rounds.mjs';
import { blobsIn, uidOf } from './common.mjs';

const BLOCK_BYTES = 4096;
const BLOCKS = 2_621_440;
/** Of a first full. Many short rounds have less noise than few long ones of the same total. */
const FULL_BLOCKS = 65_536;
const FULL_ROUNDS = 16;
/** One core for all threads: on two that share one of the machine, each slows the other down. */
const ONLY_CORE = 0;
const REBUILT_BLOCKS = 262_144;
/** Their blobs take 2 GiB of memory, twice. */
const MOST_BLOCKS = 524_288;
const CHANGES = 100;
const MIB = 1024 ** 2;
/** Bounds of what the catalogue adds. */
const [MOST_OF_HINTED, MOST_SECONDS, MOST_MIB, MOST_OF_FULL] = [1.1, 2, 8, 1.03];
const REBUILT_PER_SECOND = 100_000;
/** Versions of a rebuild: one full, the others hinted. */
const VERSIONS = 4;

/**
 * @typedef {'classic' | 'compact'} Layout
 * @typedef {{ layout: Layout, encrypted: boolean }} Kind
 */

/**
 * Costs of the catalogue, whole processes: backups with it and without it, and a rebuild.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 */
export async function* catalogue(workspace) {
  for (const layout of /** @type {const} */ (['classic', 'compact'])) {
    yield* hinted(workspace, layout);
    for (const encrypted of [false, true]) {
      yield await firstFull(workspace, { layout, encrypted });
      yield await rebuild(workspace, { layout, encrypted });
    }
  }
}

/**
 * A hinted backup on a base whose blocks share a few blobs.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 * @param {Layout} layout
 */
async function* hinted(workspace, layout) {
  const blocks = workspace.quick ? 10_000 : (workspace.blocks ?? BLOCKS);
  const base = await installation(workspace, { name: 'base', layout });
  await base.program.run('backup', `null://${CHANGES * BLOCK_BYTES}`, 'first');
  const uids = blobsIn(base.blobs).map((path) => basename(path, '.blob'));
  const store = (await loadStores(workspace)).sqlite(base.program.database);
  await store.open();
  const { uid } = await new Image(store, { blocks, blockSize: BLOCK_BYTES, name: 'vm', uids, clock: ownCpuSeconds }).full();
  await store.close();
  await base.program.run('catalogue', '--sync');
  const hints = writeHints(workspace.folder('disk', 'hints'), { blocks, changes: CHANGES, blockSize: BLOCK_BYTES });
  const measured = async (/** @type {boolean} */ isKept) => {
    const { program, blobs } = await installation(workspace, { name: 'hinted', layout, isKept, from: base });
    const before = bytesBelow(join(blobs, 'backy2-catalogue'));
    const source = `null://${blocks * BLOCK_BYTES}`;
    const { seconds } = await program.run('backup', '-f', uid, '-r', hints, source, 'vm');
    return { seconds, mib: (bytesBelow(join(blobs, 'backy2-catalogue')) - before) / MIB };
  };
  const rounds = await alternate(workspace.rounds(3), { kept: () => measured(true), none: () => measured(false) });
  const what = `${layout}, ${blocks} blocks, +${CHANGES} changes`;
  yield toRow(
    { name: 'catalogue', what: `${what}, vs without: + 10 % or 2 s`, unit: 's', atMost: 1 },
    rounds.map(({ kept, none: { seconds = Number.NaN } }) => ({
      ours: kept.seconds ?? Number.NaN,
      limit: Math.max(seconds * MOST_OF_HINTED, seconds + MOST_SECONDS),
    })),
  );
  yield toRow(
    { name: 'catalogue', what: `${what}: growth, vs ${MOST_MIB} MiB`, unit: 'MiB', atMost: 1 },
    rounds.map(({ kept }) => ({ ours: kept.mib ?? Number.NaN, limit: MOST_MIB })),
  );
  rmSync(base.folder, { recursive: true });
}

/**
 * A first backup of many small blocks. Blobs are in memory: the fsyncs of a disk take so long that
 * nothing else would show. Nor would it by the clock.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 * @param {Kind} kind
 */
async function firstFull(workspace, { layout, encrypted }) {
  const { blocks, source } = smallBlocks(workspace, FULL_BLOCKS);
  const measured = async (/** @type {boolean} */ isKept) => {
    const { program } = await installation(workspace, { name: isKept ? 'kept' : 'none', layout, encrypted, isKept });
    const { cpuSeconds } = await program.runOnCore(ONLY_CORE, 'backup', `file://${source}`, 'vm');
    return { cpu: cpuSeconds };
  };
  const rounds = await alternate(workspace.rounds(FULL_ROUNDS), { none: () => measured(false), kept: () => measured(true) });
  rmSync(source);
  return toRow(
    {
      name: 'catalogue',
      what: `${layout}${encrypted ? ', encrypted' : ''}, first backup of ${blocks} blocks of 4 KiB, processor time, vs without`,
      unit: 's',
      atMost: MOST_OF_FULL,
    },
    rounds.map(({ kept, none }) => ({ ours: kept.cpu ?? Number.NaN, limit: none.cpu ?? Number.NaN })),
  );
}

/**
 * A rebuild of versions of one image, whose blobs are in memory.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 * @param {Kind} kind
 */
async function rebuild(workspace, { layout, encrypted }) {
  const { blocks, source } = smallBlocks(workspace, REBUILT_BLOCKS);
  const { program, blobs } = await installation(workspace, { name: 'kept', layout, encrypted });
  const uid = uidOf(await program.run('backup', `file://${source}`, 'vm'));
  const hints = writeHints(workspace.folder('disk', 'hints'), { blocks, changes: CHANGES, blockSize: BLOCK_BYTES });
  for (let version = 1; version < VERSIONS; version++)
    await program.run('backup', '-f', uid, '-r', hints, `file://${source}`, 'vm');
  const rounds = await alternate(workspace.rounds(3), {
    ours: async () => {
      const folder = workspace.folder('disk', 'rebuilt');
      const { result, seconds } = await new Program(workspace, { folder, blockSize: BLOCK_BYTES, blobs, encrypted }).run(
        'rebuild-db',
        '--layout',
        layout,
      );
      if (result.versions !== VERSIONS) throw new Error(`${result.versions} versions were rebuilt`);
      return { perSecond: (VERSIONS * blocks) / seconds };
    },
  });
  rmSync(source);
  const what = `${layout}${encrypted ? ', encrypted' : ''}, rebuild of ${VERSIONS} versions of ${blocks} blocks, whole process, vs ${REBUILT_PER_SECOND}`;
  return toRow(
    { name: 'catalogue', what, unit: 'blocks/s', atLeast: 1 },
    rounds.map(({ ours }) => ({ ours: ours.perSecond ?? Number.NaN, limit: REBUILT_PER_SECOND })),
  );
}

/**
 * A file of random blocks in memory. The caller removes it.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 * @param {number} usual blocks.
 */
function smallBlocks(workspace, usual) {
  const blocks = workspace.quick ? 2_000 : Math.min(workspace.blocks ?? usual, MOST_BLOCKS);
  const source = join(workspace.memory, 'catalogue-source');
  writeRandomFile(source, blocks * BLOCK_BYTES);
  return { blocks, source };
}

/**
 * A new installation, or a copy of another one.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 * @param {{ name: string, layout: Layout, isKept?: boolean, encrypted?: boolean,
 *   from?: { program: Program, blobs: string } }} options
 */
async function installation(workspace, { name, layout, isKept = true, encrypted = false, from }) {
  const made = programIn(workspace, { name, isKept, encrypted });
  rmSync(made.program.database, { force: true });
  rmSync(made.blobs, { recursive: true, force: true });
  if (from === undefined) await made.program.run('initdb', '--layout', layout);
  else {
    cpSync(from.program.database, made.program.database);
    cpSync(from.blobs, made.blobs, { recursive: true });
  }
  return made;
}

/**
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 * @param {{ name: string, isKept: boolean, encrypted: boolean }} options
 */
function programIn(workspace, { name, isKept, encrypted }) {
  const folder = join(workspace.disk, `catalogue-${name}`);
  const blobs = join(workspace.memory, `catalogue-${name}`);
  return {
    folder,
    blobs,
    program: new Program(workspace, { folder, blockSize: BLOCK_BYTES, blobs, encrypted, hasCatalogue: isKept }),
  };
}

/** @param {string} folder */
function bytesBelow(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}
