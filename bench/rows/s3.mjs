import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { message } from '../lanes/run-lanes.mjs';
import { missingPrograms } from '../lib/ceph.mjs';
import { startGateway } from '../lib/gateway.mjs';
import { Program } from '../lib/program.mjs';
import { writeRandomFile } from '../lib/random-file.mjs';
import { alternate, toRow } from '../lib/rounds.mjs';
import { dataSeconds, initialized, mbPerSecond, uidOf } from './common.mjs';

const IN_FLIGHT = [1, 5, 20];
const SOURCE_BYTES = 512 * 1024 ** 2;
const ROUND_TRIP_MS = 100;

/**
 * File to a gateway of Ceph on this machine. The limit is the SDK alone, with as many threads and
 * objects in flight. For a distant server it is the slower of that and of the objects per round
 * trip.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 */
export async function* s3(workspace) {
  const missing = missingPrograms('radosgw', 'radosgw-admin');
  if (missing.length > 0) {
    process.stderr.write(`s3: not measured: not installed: ${missing.join(', ')}\n`);
    return;
  }
  const gateway = await startGateway();
  try {
    yield* measure(workspace, gateway.address);
  } finally {
    await gateway.stop();
  }
}

/**
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 * @param {import('../lib/gateway.mjs').S3Address} address
 */
async function* measure(workspace, address) {
  const name = 's3';
  const bytes = Math.min(SOURCE_BYTES, workspace.sourceBytes / 4);
  const source = join(workspace.memory, 's3-source');
  writeRandomFile(source, bytes);
  const speed = (/** @type {Record<string, number>} */ { seconds }) => mbPerSecond(bytes, seconds ?? Number.NaN);
  const bare = (/** @type {number} */ inFlight) => async () => ({
    seconds: await bareSdk(workspace, { address, inFlight, bytes }),
  });
  const ours = (/** @type {number} */ inFlight, /** @type {string} */ endpoint) => async () => ({
    seconds: await backup(workspace, { address, inFlight, endpoint, source }),
  });
  for (const inFlight of IN_FLIGHT) {
    const rounds = await alternate(workspace.rounds(), { limit: bare(inFlight), ours: ours(inFlight, address.endpoint) });
    yield toRow(
      { name, what: `${inFlight} in flight: first read to last commit, vs the bare SDK`, unit: 'MB/s', atLeast: 0.9 },
      rounds.map((round) => ({ ours: speed(round.ours), limit: speed(round.limit) })),
    );
  }
  const most = Math.max(...IN_FLIGHT);
  const { endpoint, worker } = await farAway(address.port);
  try {
    const rounds = await alternate(workspace.rounds(), { limit: bare(most), ours: ours(most, endpoint) });
    const inRoundTrip = (most * workspace.blockSize) / (ROUND_TRIP_MS / 1000) / 1e6;
    yield toRow(
      {
        name,
        what: `${most} in flight, ${ROUND_TRIP_MS} ms away, vs min(bare SDK nearby, round trip)`,
        unit: 'MB/s',
        atLeast: 0.8,
      },
      rounds.map((round) => ({ ours: speed(round.ours), limit: Math.min(inRoundTrip, speed(round.limit)) })),
    );
  } finally {
    await worker.terminate();
  }
}

/**
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 * @param {{ address: import('../lib/gateway.mjs').S3Address, inFlight: number, endpoint: string,
 *   source: string }} run
 */
async function backup(workspace, { address, inFlight, endpoint, source }) {
  const folder = workspace.folder('memory', 's3');
  const data = `s3
bucket_name: ${address.bucket}
endpoint_url: ${endpoint}
aws_access_key_id: ${address.accessKey}
aws_secret_access_key: ${address.secretKey}`;
  const program = await initialized(new Program(workspace, { folder, data, inFlight }));
  const outcome = await program.run('backup', `file://${source}`, 'bench');
  await program.run('rm', '-f', uidOf(outcome));
  await program.run('cleanup', '--dangerous-force');
  return dataSeconds(outcome);
}

/**
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 * @param {{ address: import('../lib/gateway.mjs').S3Address, inFlight: number, bytes: number }} run
 */
async function bareSdk({ workers, blockSize }, { address, inFlight, bytes }) {
  const next = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  const threads = Math.min(workers, inFlight);
  const lanes = Array.from({ length: threads }, (_, index) => {
    const share = Math.floor((inFlight + index) / threads);
    const workerData = { address, inFlight: share, count: bytes / blockSize, blockSize, next };
    return new Worker(new URL('../lib/s3-lane.mjs', import.meta.url), { workerData });
  });
  try {
    await Promise.all(lanes.map(message));
    const begin = performance.now();
    for (const lane of lanes) lane.postMessage('go');
    await Promise.all(lanes.map(message));
    const seconds = (performance.now() - begin) / 1000;
    for (const lane of lanes) lane.postMessage('tidy up');
    await Promise.all(lanes.map(message));
    return seconds;
  } finally {
    await Promise.all(lanes.map((lane) => lane.terminate()));
  }
}

/** @param {number} port */
async function farAway(port) {
  const workerData = { port, roundTripMs: ROUND_TRIP_MS };
  const worker = new Worker(new URL('../lib/far-away.mjs', import.meta.url), { workerData });
  return { worker, endpoint: `http://127.0.0.1:${await message(worker)}` };
}
