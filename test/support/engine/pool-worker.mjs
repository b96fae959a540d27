import { parentPort, workerData } from 'node:worker_threads';

/**
 * The thread of a pool as main sees it, without blocks: it digests and stores at once. The source's URL says how it behaves:
 * `silent:` answers no flush and no job, `failing:` fails each flush of worker 1, `broken:` throws at once.
 */
const { index, source } = workerData;
const behaviour = source?.url.split(':')[0];
const orders = new Map();

if (behaviour === 'broken') throw new Error('broken from the start');
parentPort.on('message', (messages) => {
  for (const message of messages) receive(message);
});
send({ kind: 'ready' });

function receive(message) {
  const { kind, job, ticket } = message;
  if (kind === 'finish') parentPort.close();
  if (kind === 'drop') drop();
  if (behaviour === 'silent' && kind === 'job') orders.set(job, message.order);
  if (behaviour === 'silent') return;
  if (kind === 'job') {
    orders.set(job, message.order);
    const { first, count } = message.order;
    send({ kind: 'digested', job, first, digests: new Array(count).fill(`${first}`), bytesRead: 1 });
  }
  if (kind === 'decide') {
    const order = orders.get(job);
    orders.delete(job);
    // Main's decision can come after the job was dropped.
    if (order === undefined) return;
    send({ kind: 'stored', job, blocks: [{ id: order.first, uid: 'blob', envKey: null, nonce: null, written: true }] });
  }
  if (kind === 'flush') {
    if (behaviour === 'failing' && index === 1)
      send({ kind: 'failed', ticket, error: { code: 'dataBackend', message: 'no fsync' } });
    else send({ kind: 'flushed', ticket });
  }
}

function drop() {
  for (const job of orders.keys()) send({ kind: 'dropped', job });
  orders.clear();
}

function send(message) {
  parentPort.postMessage([{ worker: index, ...message }]);
}
