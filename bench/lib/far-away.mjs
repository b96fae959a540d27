import { connect, createServer } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

/**
 * A TCP proxy in a thread of its own, which makes a server seem far away: it delays each direction
 * by half of the round trip.
 */

/** @type {{ port: number, roundTripMs: number }} */
const { port, roundTripMs } = workerData;
/** Maximum bytes in flight on a connection, enough for a network with such a round trip. */
const MOST_UNDER_WAY = 64 * 1024 * 1024;

const server = createServer({ noDelay: true }, (near) => {
  const far = connect({ port, host: '127.0.0.1', noDelay: true });
  delay(near, far);
  delay(far, near);
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  parentPort?.postMessage(typeof address === 'object' ? address?.port : 0);
});

/** @param {import('node:net').Socket} from @param {import('node:net').Socket} to */
function delay(from, to) {
  let underWay = 0;
  from.on('data', (chunk) => {
    underWay += chunk.length;
    if (underWay > MOST_UNDER_WAY) from.pause();
    setTimeout(() => {
      underWay -= chunk.length;
      if (underWay <= MOST_UNDER_WAY) from.resume();
      to.write(chunk);
    }, roundTripMs / 2);
  });
  from.on('close', () => setTimeout(() => to.destroy(), roundTripMs / 2));
  from.on('error', () => to.destroy());
}
