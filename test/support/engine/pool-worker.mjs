import { parentPort, workerData } from 'node:worker_threads';

/**
 * A pool's thread without blocks: it digests and stores at once. The source's URL sets its
 * behaviour:
 * - `silent:` answers no flush and no job.
 * - `failing:` fails each flush of worker 1.
 * - `broken:` throws at once.
 */
const { index, source } = workerData;
const behaviour = source?.url.split(':')[0];
const jobs = new Map();

if (behaviour === 'broken') throw new Error('broken from the start');
parentPort.on('message', (messages) => {
  for (const message of messages) receive(message);
});
send({ kind: 'ready' });

function receive(message) {
  const { kind, job, ticket } = message;
  if (kind === 'finish') parentPort.close();
  if (kind === 'drop') drop();
  if (behaviour === 'silent' && kind === 'job') jobs.set(job, message.work);
  if (behaviour === 'silent') return;
  if (kind === 'job') {
    jobs.set(job, message.work);
    const { first, count } = message.work;
    send({ kind: 'digested', job, first, digests: new Array(count).fill(`${first}`), bytesRead: 1 });
  }
  if (kind === 'decide') {
    const work = jobs.get(job);
    jobs.delete(job);
    // Main's decision can arrive after the job was dropped.
    if (work === undefined) return;
    send({ kind: 'stored', job, blocks: [{ id: work.first, uid: 'blob', envKey: null, nonce: null, written: true }] });
  }
  if (kind === 'flush') {
    if (behaviour === 'failing' && index === 1)
      send({ kind: 'failed', ticket, error: { code: 'dataBackend', message: 'no fsync' } });
    else send({ kind: 'flushed', ticket });
  }
}

function drop() {
  for (const job of jobs.keys()) send({ kind: 'dropped', job });
  jobs.clear();
}

function send(message) {
  parentPort.postMessage([{ worker: index, ...message }]);
}
