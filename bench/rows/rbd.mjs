import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { Ceph, missingPrograms } from '../lib/ceph.mjs';
import { Program } from '../lib/program.mjs';
import { alternate, toRow } from '../lib/rounds.mjs';
import { dataSeconds, initialized, mbPerSecond } from './common.mjs';

const READER = fileURLToPath(new URL('../../dist/bench-rbd-reader.js', import.meta.url));
const POOL = 'vms';
const MIB = 1024 ** 2;
const READ_BYTES = 4 * MIB;
const DEPTHS = [1, 4, 10, 16];

/**
 * Ceph images: bare reads, a whole backup, a list of changes, each compared with Ceph's own rbd.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 */
export async function* rbd(workspace) {
  const missing = missingPrograms();
  if (missing.length > 0) {
    process.stderr.write(`rbd: not measured: not installed: ${missing.join(', ')}\n`);
    return;
  }
  await buildReader();
  const ceph = await Ceph.start();
  try {
    const bytes = workspace.quick ? 64 * MIB : 1024 * MIB;
    await filled(ceph, 'bench', { bytes: bytes * 4, objectBytes: READ_BYTES });
    yield* reads(workspace, ceph, bytes);
    yield* wholeBackup(workspace, ceph, { bytes: bytes * 4, image: 'bench', what: 'backup to nowhere' });
    yield* halfBackup(workspace, ceph, bytes * 4);
    yield* diff(workspace, ceph, bytes);
  } finally {
    await ceph.stop();
  }
}

/**
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 * @param {Ceph} ceph
 * @param {number} bytes
 */
async function* reads(workspace, ceph, bytes) {
  for (const depth of DEPTHS) {
    const rounds = await alternate(workspace.rounds(), {
      limit: async () => ({ speed: await benchSpeed(ceph, depth, bytes) }),
      ours: async () => ({
        speed: mbPerSecond(bytes, Number(await reader(ceph, 'read', `${POOL}/bench`, String(depth), String(bytes)))),
      }),
    });
    yield toRow(
      { name: 'rbd', what: `reads of 4 MiB, ${depth} at once, vs rbd bench`, unit: 'MB/s', atLeast: 0.9 },
      rounds.map(({ ours, limit }) => ({ ours: ours.speed ?? Number.NaN, limit: limit.speed ?? Number.NaN })),
    );
  }
}

/**
 * @param {Ceph} ceph
 * @param {number} depth
 * @param {number} bytes
 * @returns MB/s
 */
async function benchSpeed(ceph, depth, bytes) {
  const total = ['--io-size', String(READ_BYTES), '--io-total', String(bytes), '--io-threads', String(depth)];
  const said = await ceph.rbd('bench', '--io-type', 'read', '--io-pattern', 'seq', ...total, `${POOL}/bench`);
  const [, operations] = /ops\/sec: ([\d.]+)/.exec(said) ?? [];
  return (Number(operations) * READ_BYTES) / 1e6;
}

/**
 * Includes checksums and rows, where rbd export only copies.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 * @param {Ceph} ceph
 * @param {{ bytes: number, image: string, what: string }} of
 */
async function* wholeBackup(workspace, ceph, { bytes, image, what }) {
  const rounds = await alternate(workspace.rounds(), {
    limit: async () => ({ seconds: await ceph.seconds(`rbd export --no-progress ${POOL}/${image} - > /dev/null`) }),
    ours: async () => {
      const folder = workspace.folder('memory', 'rbd');
      const program = await initialized(new Program(workspace, { folder, cephConf: ceph.conf }));
      const outcome = await program.run('backup', `rbd://${POOL}/${image}`, 'bench');
      return { process: outcome.seconds, data: dataSeconds(outcome) };
    },
  });
  const of = (/** @type {'data' | 'process'} */ part) =>
    rounds.map(({ ours, limit }) => ({
      ours: mbPerSecond(bytes, ours[part] ?? Number.NaN),
      limit: mbPerSecond(bytes, limit.seconds ?? Number.NaN),
    }));
  const row = { name: 'rbd', unit: 'MB/s', atLeast: 1 };
  yield toRow({ ...row, what: `${what}, first read to last commit, vs rbd export to nowhere` }, of('data'));
  yield toRow({ ...row, what: `${what}, whole process, vs rbd export to nowhere` }, of('process'));
}

/**
 * A snapshot of an image like those of virtual machines, half of which was never written.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 * @param {Ceph} ceph
 * @param {number} bytes
 */
async function* halfBackup(workspace, ceph, bytes) {
  await ceph.rbd('create', '--size', `${bytes}B`, `${POOL}/half`);
  await write(ceph, `${POOL}/half`, bytes / 2, READ_BYTES);
  await ceph.rbd('snap', 'create', '--no-progress', `${POOL}/half@s`);
  yield* wholeBackup(workspace, ceph, { bytes, image: 'half@s', what: 'backup of a snapshot, half of which is in use' });
}

/**
 * 16384 objects, every fourth of which has changed: by the map of fast-diff, and by asking for each
 * object. Node's own start does not count.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 * @param {Ceph} ceph
 * @param {number} bytes
 */
async function* diff(workspace, ceph, bytes) {
  yield await diffOf(workspace, ceph, { bytes, name: 'many', features: 'exclusive-lock,object-map,fast-diff' });
  yield await diffOf(workspace, ceph, { bytes, name: 'plain', features: 'layering' });
}

/**
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 * @param {Ceph} ceph
 * @param {{ bytes: number, name: string, features: string }} of
 */
async function diffOf(workspace, ceph, { bytes, name, features }) {
  const image = `${POOL}/${name}`;
  await filled(ceph, name, { bytes, objectBytes: 65536, features });
  await ceph.rbd('snap', 'create', '--no-progress', `${image}@a`);
  await write(ceph, image, bytes / 4, 65536);
  await ceph.rbd('snap', 'create', '--no-progress', `${image}@b`);
  const rounds = await alternate(workspace.rounds(), {
    limit: async () => ({ seconds: await ceph.seconds(`rbd diff --whole-object --format json --from-snap a ${image}@b`) }),
    ours: async () => ({ seconds: Number(await reader(ceph, 'diff', `${image}@b`, 'a')) }),
  });
  const objects = bytes / 65536;
  return toRow(
    { name: 'rbd', what: `changes of ${objects} objects, ${features}, with connecting, vs rbd diff`, unit: 's', atMost: 1.3 },
    rounds.map(({ ours, limit }) => ({ ours: ours.seconds ?? Number.NaN, limit: limit.seconds ?? Number.NaN })),
  );
}

/**
 * @param {Ceph} ceph
 * @param {string} name
 * @param {{ bytes: number, objectBytes: number, features?: string }} image
 */
async function filled(ceph, name, { bytes, objectBytes, features }) {
  const flags = features === undefined ? [] : ['--image-feature', features];
  await ceph.rbd('create', '--size', `${bytes}B`, '--object-size', `${objectBytes}B`, ...flags, `${POOL}/${name}`);
  await write(ceph, `${POOL}/${name}`, bytes, Math.min(bytes, READ_BYTES));
}

/** @param {Ceph} ceph @param {string} image @param {number} bytes @param {number} atOnce */
async function write(ceph, image, bytes, atOnce) {
  const total = ['--io-size', String(atOnce), '--io-total', String(bytes), '--io-threads', '8'];
  await ceph.rbd('bench', '--io-type', 'write', '--io-pattern', 'seq', ...total, image);
}

/** @param {Ceph} ceph @param {string[]} words */
async function reader(ceph, ...words) {
  const env = { ...process.env, UV_THREADPOOL_SIZE: '32' };
  return (await promisify(execFile)(process.execPath, [READER, ceph.conf, ...words], { env })).stdout;
}

/** In the program's folder: it shares one of its threads. */
async function buildReader() {
  const entry = fileURLToPath(new URL('../lib/rbd-reader.ts', import.meta.url));
  const form = /** @type {const} */ ({ bundle: true, platform: 'node', format: 'esm', target: 'node20' });
  await build({ ...form, entryPoints: [entry], outfile: READER, external: ['koffi'], logLevel: 'warning' });
}
