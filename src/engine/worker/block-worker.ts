import { parentPort, workerData } from 'node:worker_threads';
import { toPlainError } from '../../errors.ts';
import type { Decision, FromWorker, Job, ToWorker, WorkerSetup } from '../shared/messages.ts';
import { Outbox } from '../shared/outbox.ts';
import { fetchBlocks, zeroBlocks } from './fetch-job.ts';
import { readBlocks, storeBlocks } from './read-job.ts';
import { recodeBlocks } from './recode-job.ts';
import { viewBlocks } from './view-job.ts';
import { closeContext, openContext, type Slot, type WorkerContext } from './worker-context.ts';

/**
 * A block worker: owns blocks from the source to the blob, or from the blob to the target. It takes jobs from main, does
 * as many at once as it has slots, and answers each. Failures are answers too: main decides what they mean.
 */
const setup = workerData as WorkerSetup;
const port = parentPort;
if (port === null) throw new Error('block-worker runs as a worker thread');

const aborter = new AbortController();
const heartbeats = new Int32Array(setup.heartbeats);
const queue: { job: number; work: Job }[] = [];
const idle: Slot[] = [];
const outbox = new Outbox<FromWorker>((messages) => port.postMessage(messages));
/** Read jobs whose blocks wait in their slot for main's decision. */
const undecided = new Map<number, { slot: Slot; work: Extract<Job, { kind: 'read' }> }>();
let running = 0;
/** Jobs that are done, with whatever became of them. */
let ended = 0;
let isTurnScheduled = false;
let finishing = false;
/** Set once decisions will not come any more. */
let undecidable = false;

setInterval(() => Atomics.add(heartbeats, setup.index, 1), 1000).unref();

const context = openOrFail();
if (context !== undefined) {
  for (let i = 0; i < setup.slots; i++) idle.push({ bytes: new Uint8Array(setup.slotBytes), other: undefined });
  port.on('message', (messages: ToWorker[]) => {
    for (const message of messages) receive(context, message);
  });
  send({ kind: 'ready', worker: setup.index });
}

function openOrFail(): WorkerContext | undefined {
  try {
    return openContext(setup, {
      signal: aborter.signal,
      hashes: {
        onChange: () => {
          if (context !== undefined) takeTurns(context);
        },
        // A block to be viewed has a reader who waits for it; and without spare slots, those that wait are missing for reading.
        mayWait: () => setup.arena === undefined && isUsingSpares() && idle.length > 0 && !aborter.signal.aborted,
      },
      onRetry: (notice) => send({ kind: 'retrying', worker: setup.index, notice }),
    });
  } catch (error) {
    fail(error, {});
    return undefined;
  }
}

function receive(context: WorkerContext, message: ToWorker): void {
  switch (message.kind) {
    case 'job':
      queue.push(message);
      takeTurns(context);
      break;
    case 'decide':
      decide(context, message.job, message.decisions);
      break;
    case 'flush':
      void flush(context, message.ticket);
      break;
    case 'drop':
      drop(message.undecided);
      break;
    case 'finish':
      finishing = true;
      drop(true);
      aborter.abort(new Error('the operation was stopped'));
      closeWhenIdle(context);
      break;
  }
}

function drop(withUndecided: boolean): void {
  for (const { job } of queue.splice(0)) send({ kind: 'dropped', worker: setup.index, job });
  if (!withUndecided) return;
  undecidable = true;
  for (const [job, { slot }] of undecided) {
    idle.push(slot);
    send({ kind: 'dropped', worker: setup.index, job });
  }
  undecided.clear();
}

/**
 * Starts one job a turn of the event loop, since it may read before it returns, and main's decisions in between free slots whose bytes are
 * still in the processor's cache. Hashes when there are blocks for all lanes, or enough of them and nothing that could bring more at once.
 */
function takeTurns(context: WorkerContext): void {
  if (isTurnScheduled || !(canStart(context) || context.hashes.isReady)) return;
  isTurnScheduled = true;
  setImmediate(() => {
    isTurnScheduled = false;
    const next = canStart(context) ? queue.shift() : undefined;
    const slot = next === undefined ? undefined : idle.pop();
    if (next !== undefined && slot !== undefined) perform(context, next.job, () => startJob(context, slot, next));
    if (context.hashes.isFull || (!canStart(context) && context.hashes.isReady)) context.hashes.flush();
    takeTurns(context);
  });
}

/** The slots beyond those for reading and writing are used once it is seen that these come and go. */
function canStart({ hashes }: WorkerContext): boolean {
  if (queue.length === 0 || idle.length === 0) return false;
  const inUse = setup.slots - idle.length;
  if (inUse < setup.ioSlots) return true;
  return isUsingSpares() && inUse - hashes.waiting - undecided.size < setup.ioSlots;
}

function isUsingSpares(): boolean {
  return ended >= setup.ioSlots;
}

function giveBack(slot: Slot): void {
  ended++;
  idle.push(slot);
}

/** Counts an asynchronous piece of a job, and turns its failure into an answer. */
function perform(context: WorkerContext, job: number, piece: () => Promise<void>): void {
  running++;
  piece()
    .catch((error: unknown) => fail(error, { job }))
    .finally(() => {
      running--;
      takeTurns(context);
      closeWhenIdle(context);
    });
}

async function startJob(context: WorkerContext, slot: Slot, { job, work }: { job: number; work: Job }): Promise<void> {
  let keepsSlot = false;
  try {
    if (work.kind === 'read') {
      const { digests, bytesRead } = await readBlocks(context, slot, work);
      if (undecidable) {
        send({ kind: 'dropped', worker: setup.index, job });
        return;
      }
      keepsSlot = true;
      undecided.set(job, { slot, work });
      send({ kind: 'digested', worker: setup.index, job, first: work.first, digests, bytesRead });
    } else if (work.kind === 'fetch') {
      send({ kind: 'fetched', worker: setup.index, job, findings: await fetchBlocks(context, slot, work.blocks) });
    } else if (work.kind === 'recode') {
      send({ kind: 'recoded', worker: setup.index, job, ...(await recodeBlocks(context, slot, work.blocks)) });
    } else if (work.kind === 'view') {
      send({ kind: 'viewed', worker: setup.index, job, outcomes: await viewBlocks(context, work.blocks) });
    } else {
      await zeroBlocks(context, work.first, work.count);
      send({ kind: 'zeroed', worker: setup.index, job });
    }
  } finally {
    if (!keepsSlot) giveBack(slot);
  }
}

function decide(context: WorkerContext, job: number, decisions: Decision[]): void {
  const waiting = undecided.get(job);
  if (waiting === undefined) return;
  undecided.delete(job);
  const { slot, work } = waiting;
  perform(context, job, async () => {
    try {
      const blocks = await context.writing.during(() => storeBlocks(context, slot, { ...work, decisions }));
      send({ kind: 'stored', worker: setup.index, job, blocks });
    } finally {
      giveBack(slot);
    }
  });
}

async function flush(context: WorkerContext, ticket: number): Promise<void> {
  try {
    await (context.target ?? context.backend).flush();
    send({ kind: 'flushed', worker: setup.index, ticket });
  } catch (error) {
    fail(error, { ticket });
  }
}

function closeWhenIdle(context: WorkerContext): void {
  if (!finishing || running > 0) return;
  finishing = false;
  void closeContext(context).finally(() => {
    outbox.flush();
    port?.close();
  });
}

function fail(error: unknown, { job, ticket }: { job?: number; ticket?: number }): void {
  send({ kind: 'failed', worker: setup.index, job, ticket, error: toPlainError(error, 'worker') });
}

function send(message: FromWorker): void {
  outbox.add(message);
}
