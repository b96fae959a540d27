import { RbdSession } from '../../src/io/rbd/rbd-session.ts';
import { RbdSource } from '../../src/io/rbd/rbd-source.ts';
import { parseRbdPlace } from '../../src/io/rbd/rbd-url.ts';

/**
 * Only reads an image as the program does, or lists the changes between two snapshots. For the row
 * `rbd`.
 *
 *   rbd-reader CONF read PLACE DEPTH BYTES    prints seconds
 *   rbd-reader CONF diff PLACE FROM           prints seconds, from the connection on
 */
const [conffile = '', mode, path = '', argument = '', bytes] = process.argv.slice(2);
const READ_BYTES = 4 * 1024 ** 2;

const options = {
  ...{ conffile, clusterName: 'ceph', radosName: 'client.admin', connectTimeoutSeconds: 30, operationTimeoutSeconds: 0 },
  ...{ simultaneousReads: 1, simultaneousWrites: 1, newImageFeatures: undefined, snapshotPrefix: undefined },
};
const start = performance.now();
const session = await RbdSession.open(options, {
  signal: new AbortController().signal,
  onStuckThreads: () => {},
  logger: { info: () => {}, warning: () => {} },
});
const place = parseRbdPlace(path, path);
if (mode === 'diff') {
  const { differences } = await session.diff(place, argument);
  if (differences.length === 0) throw new Error('the snapshots do not differ');
  process.stdout.write(`${(performance.now() - start) / 1000}\n`);
} else {
  const image = await session.call('open', place, 'read');
  process.stdout.write(`${await readAll(new RbdSource(path, image), Number(argument), Number(bytes))}\n`);
  await session.call('close', image.handle);
}
await session.close();

/** Reads from the start, with `depth` reads at once. @returns seconds. */
async function readAll(source: RbdSource, depth: number, bytesToRead: number): Promise<number> {
  const start = performance.now();
  let next = 0;
  const lane = async () => {
    const into = new Uint8Array(READ_BYTES);
    while (next < bytesToRead) {
      const offset = next;
      next += READ_BYTES;
      await source.read(into, offset);
    }
  };
  await Promise.all(Array.from({ length: depth }, lane));
  return (performance.now() - start) / 1000;
}
