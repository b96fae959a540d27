import { parentPort, workerData } from 'node:worker_threads';
import type { ToWorker, WorkerSetup } from '../shared/messages.ts';
import { BlockWorker } from './block-worker.ts';

/** A block worker in a thread of its own. */
const port = parentPort;
if (port === null) throw new Error('worker-thread runs as a worker thread');
const worker = BlockWorker.open(workerData as WorkerSetup, {
  post: (messages) => port.postMessage(messages),
  close: () => port.close(),
});
if (worker !== undefined) port.on('message', (messages: ToWorker[]) => worker.receive(messages));
