import { randomFillSync } from 'node:crypto';
import { newBlobUid } from '../../data/blob-uid.ts';
import type { DataBackend } from '../../data/data-backend.ts';
import type { DataBackendOptions } from '../../data/options.ts';
import { BackyError, messageOf } from '../../errors.ts';
import { fillNullBlock } from '../../model/null-block.ts';
import type { Context } from '../context.ts';
import { type IdentityCheck, prepareIdentity } from '../store/identity-check.ts';
import { openStorage } from '../store/storage.ts';
import { holding, lockForOperation } from '../versions/locks.ts';

/** A part of the check, and how it went. */
export interface StorageStep {
  step: 'reach' | 'identity' | 'write' | 'read' | 'list' | 'missing' | 'delete';
  /** Requests at once. */
  inFlight: number;
  /** Those that went well. */
  requests: number;
  /** Of blocks; 0 where none moved. */
  bytes: number;
  seconds: number;
  /** From a request's start to its end; the mean. */
  msPerRequest: number;
  /** What is wrong, and what to do about it; null: nothing. */
  problem: string | null;
}

/** Requests one after the other: enough for a mean. */
const ALONE = 4;
/** How often each of those that are in flight at once is made. */
const ROUNDS = 4;
/** Test blobs take no more than that, in memory and in the storage. */
const MOST_BYTES = 512 * 1024 * 1024;
/** Somebody waits for the answer. */
const RETRY_FOR_MS = 5_000;

/**
 * Tries out whether the data backend does all that backups need, and how fast: writes test blobs of
 * one block, reads, lists and deletes them, one at a time and as many at once as are configured.
 * Their uids are new, so nothing else has to do with them; they are deleted whatever happens, and
 * what a kill leaves is for `cleanup --full`. Failures of the storage are results. If there is a
 * database, looks first whether this is its store: else nothing is written.
 */
export async function checkStorageThoroughly(context: Context): Promise<StorageStep[]> {
  // A cleanup --full beside it would delete the test blobs, which no row names.
  return holding([() => lockForOperation(context.locks)], async () => {
    const backend = openStorage({ ...context, data: lessPatient(context.data) });
    try {
      return await new StorageCheck(context, backend, await prepareIdentity(context, backend)).run();
    } finally {
      await backend.close();
    }
  });
}

function lessPatient(data: DataBackendOptions): DataBackendOptions {
  const { backend } = data;
  if (backend.type !== 's3') return data;
  return { ...data, backend: { ...backend, retryForMs: Math.min(RETRY_FOR_MS, backend.retryForMs) } };
}

interface StepPlan {
  inFlight: number;
  requests: number;
  /** Of a request. */
  bytesEach?: number;
}

class StorageCheck {
  readonly #context: Context;
  readonly #backend: DataBackend;
  readonly #identity: IdentityCheck | undefined;
  readonly #blockSize: number;
  readonly #keepsBlobs: boolean;
  readonly #results: StorageStep[] = [];
  readonly #uids: string[] = [];
  /** A block for each request in flight, and what all of them begin as. */
  readonly #blocks: Uint8Array[] = [];
  readonly #pattern: Uint8Array;
  /** Never aborted: a put that is broken off may be stored after the delete. No new ones begin once the user has stopped it. */
  readonly #signal = new AbortController().signal;

  constructor(context: Context, backend: DataBackend, identity: IdentityCheck | undefined) {
    this.#identity = identity;
    this.#context = context;
    this.#backend = backend;
    this.#blockSize = context.settings.blockSize;
    this.#keepsBlobs = context.data.backend.type !== 'null';
    this.#pattern = randomFillSync(new Uint8Array(this.#blockSize));
  }

  async run(): Promise<StorageStep[]> {
    const { simultaneousWrites, simultaneousReads } = this.#context.data;
    if (
      !(await this.#step('reach', { inFlight: 1, requests: 1 }, async () => {
        await this.#backend.storeIds('short');
      }))
    )
      return this.#results;
    const identity = this.#identity;
    if (identity !== undefined && !(await this.#step('identity', { inFlight: 1, requests: identity.requests }, identity.request)))
      return this.#results;
    try {
      const writes = await this.#blockSteps('write', simultaneousWrites, (index, block) => this.#write(index, block));
      const reads = writes && (await this.#blockSteps('read', simultaneousReads, (index, block) => this.#read(index, block)));
      if (reads && this.#keepsBlobs) {
        await this.#step('list', { inFlight: 1, requests: this.#uids.length }, (index) => this.#find(index));
        await this.#step('missing', { inFlight: 1, requests: 1 }, () => this.#missing());
      }
    } finally {
      await this.#delete();
    }
    return this.#results;
  }

  async #blockSteps(
    step: 'write' | 'read',
    simultaneous: number,
    request: (index: number, block: Uint8Array) => Promise<void>,
  ): Promise<boolean> {
    const most = Math.max(1, Math.floor(MOST_BYTES / this.#blockSize));
    let first = 0;
    for (const inFlight of simultaneous === 1 ? [1] : [1, Math.min(simultaneous, most)]) {
      const wanted = inFlight === 1 ? ALONE : inFlight * ROUNDS;
      // Only what was written can be read.
      const there = step === 'read' ? this.#uids.length : Number.POSITIVE_INFINITY;
      const requests = Math.min(wanted, most, there);
      const start = step === 'read' ? 0 : first;
      first += requests;
      const plan = { inFlight, requests, bytesEach: this.#blockSize };
      const went = await this.#step(step, plan, (index, lane) => {
        this.#blocks[lane] ??= new Uint8Array(this.#blockSize);
        return request(start + index, this.#blocks[lane]);
      });
      if (!went) return false;
    }
    return true;
  }

  async #write(index: number, block: Uint8Array): Promise<void> {
    this.#fill(block, index);
    const uid = newBlobUid();
    // Noted first: one whose answer gets lost may be stored all the same.
    this.#uids[index] = uid;
    await this.#backend.put(uid, block, this.#signal);
    await this.#backend.flush();
  }

  async #read(index: number, block: Uint8Array): Promise<void> {
    const uid = this.#uids[index] ?? '';
    block.fill(0);
    const stored = await this.#backend.get({ uid, blockId: index, plainBytes: block.length }, block, this.#signal);
    if (stored === undefined) throw wrong(`Blob ${uid} is missing right after it was written.`);
    const expected = this.#fill(new Uint8Array(this.#blockSize), index);
    if (stored === expected.length && Buffer.compare(block, expected) === 0) return;
    throw wrong(`Blob ${uid} is not what was written (${stored} of ${expected.length} bytes).`);
  }

  /** A content of its own for each blob, cheaply. */
  #fill(block: Uint8Array, index: number): Uint8Array {
    if (!this.#keepsBlobs) fillNullBlock(block, index);
    else {
      block.set(this.#pattern);
      new DataView(block.buffer).setUint32(0, index);
    }
    return block;
  }

  async #find(index: number): Promise<void> {
    const uid = this.#uids[index] ?? '';
    for await (const found of this.#backend.list(uid.slice(0, 10))) if (found === uid) return;
    throw wrong(`Blob ${uid} is not in the listing right after it was written.`);
  }

  async #missing(): Promise<void> {
    const uid = newBlobUid();
    const stored = await this.#backend.get({ uid, blockId: 0, plainBytes: 1 }, new Uint8Array(1), this.#signal);
    if (stored !== undefined) throw wrong(`There is a blob ${uid}, which was never written.`);
  }

  /** All in one call, as cleanup does it. */
  async #delete(): Promise<void> {
    if (this.#uids.length === 0) return;
    await this.#step('delete', { inFlight: 1, requests: 1 }, async () => {
      const { failed } = await this.#backend.delete(this.#uids);
      const [first] = failed;
      if (first === undefined) return;
      throw wrong(`${failed.length} of ${this.#uids.length} test blobs could not be deleted. ${first.uid}: ${first.reason}`);
    });
  }

  /** Runs requests, `inFlight` at once, to the first failure. @returns whether all went well. */
  async #step(
    step: StorageStep['step'],
    { inFlight, requests, bytesEach = 0 }: StepPlan,
    request: (index: number, lane: number) => Promise<void>,
  ): Promise<boolean> {
    const start = performance.now();
    const failures: unknown[] = [];
    let [begun, done, requestMs] = [0, 0, 0];
    const runLane = async (lane: number) => {
      while (begun < requests && failures.length === 0 && (step === 'delete' || !this.#context.signal.aborted)) {
        const begin = performance.now();
        await request(begun++, lane).then(
          () => done++,
          (error: unknown) => failures.push(error),
        );
        requestMs += performance.now() - begin;
      }
    };
    await Promise.all(Array.from({ length: Math.min(inFlight, requests) }, (_, lane) => runLane(lane)));
    // What the user stopped is no finding. The test blobs go all the same.
    if (step !== 'delete') this.#context.signal.throwIfAborted();
    const [failure] = failures;
    if (failure !== undefined && !(failure instanceof BackyError)) throw failure;
    const problem = failure === undefined ? null : problemOf(failure);
    if (problem !== null) this.#context.logger.error(problem);
    const seconds = (performance.now() - start) / 1000;
    this.#results.push({
      step,
      inFlight,
      requests: done,
      bytes: done * bytesEach,
      seconds,
      msPerRequest: requestMs / begun,
      problem,
    });
    return failure === undefined;
  }
}

function wrong(message: string): BackyError {
  return new BackyError('dataBackend', message);
}

function problemOf(error: BackyError): string {
  return error.hint === undefined ? messageOf(error) : `${error.message.replace(/(?<![.!?:])$/, '.')} ${error.hint}`;
}
