import type { DataBackend } from '../../data/data-backend.ts';
import type { DataBackendOptions } from '../../data/options.ts';
import type { Context } from '../context.ts';
import { type IdentityCheck, prepareIdentity } from '../store/identity-check.ts';
import { withStorage } from '../store/storage.ts';
import { holding, lockForOperation } from '../versions/locks.ts';
import { warnOfKept } from './blob-deletion.ts';
import { runStep, type StepPlan, type StepRequest, type StorageStep } from './storage-step.ts';
import { TestBlobs } from './test-blobs.ts';

/** Requests of a step without parallelism: enough for a mean. */
const SEQUENTIAL_REQUESTS = 4;
/** Requests per lane of a parallel step. */
const ROUNDS = 4;
/** Maximum of all test blobs, in memory and in the storage. */
const MAX_BYTES = 512 * 1024 * 1024;
/** Retries are shorter than usual, since the user waits for the result. */
const RETRY_FOR_MS = 5_000;

/**
 * Tests whether the data backend does everything that backups need, and how fast. Writes, reads,
 * lists and deletes test blobs of one block, first one at a time, then with the configured
 * parallelism. Test blobs are always deleted; if the process is killed, `cleanup --full` deletes
 * them. Failures of the storage are results. If there is a database, checks first that this is its
 * store, and writes nothing otherwise.
 */
export async function checkStorageThoroughly(context: Context): Promise<StorageStep[]> {
  // A cleanup --full at the same time would delete the test blobs, since no row names them.
  return holding([() => lockForOperation(context.locks)], async () => {
    const impatient = { ...context, data: withShortRetries(context.data) };
    return withStorage(impatient, async (backend) =>
      new StorageCheck(context, backend).run(await prepareIdentity(context, backend)),
    );
  });
}

function withShortRetries(data: DataBackendOptions): DataBackendOptions {
  const { backend } = data;
  if (backend.type !== 's3') return data;
  return { ...data, backend: { ...backend, retryForMs: Math.min(RETRY_FOR_MS, backend.retryForMs) } };
}

/**
 * Runs the steps in order and collects their results. Methods return whether their steps succeeded.
 */
class StorageCheck {
  readonly #context: Context;
  readonly #backend: DataBackend;
  readonly #blobs: TestBlobs;
  readonly #blockSize: number;
  readonly #keepsBlobs: boolean;
  readonly #results: StorageStep[] = [];

  constructor(context: Context, backend: DataBackend) {
    this.#context = context;
    this.#backend = backend;
    this.#blockSize = context.settings.blockSize;
    this.#keepsBlobs = context.data.backend.type !== 'null';
    this.#blobs = new TestBlobs(backend, { blockSize: this.#blockSize, keepsBlobs: this.#keepsBlobs });
  }

  async run(identity: IdentityCheck | undefined): Promise<StorageStep[]> {
    if (!(await this.#reach()) || !(await this.#identify(identity))) return this.#results;
    try {
      const works = (await this.#write()) && (await this.#read());
      if (works && this.#keepsBlobs) await this.#checkListing();
    } finally {
      await this.#delete();
    }
    return this.#results;
  }

  #reach(): Promise<boolean> {
    return this.#step({ step: 'reach', inFlight: 1, requests: 1 }, async () => {
      await this.#backend.storeIds('short');
    });
  }

  async #identify(identity: IdentityCheck | undefined): Promise<boolean> {
    if (identity === undefined) return true;
    return this.#step({ step: 'identity', inFlight: 1, requests: identity.requests }, identity.request);
  }

  /** Writes new blobs in each step. */
  async #write(): Promise<boolean> {
    let first = 0;
    for (const plan of this.#blockPlans('write', this.#context.data.simultaneousWrites)) {
      const start = first;
      if (!(await this.#step(plan, (index, lane) => this.#blobs.write(start + index, lane)))) return false;
      first += plan.requests;
    }
    return true;
  }

  /** Reads the first blobs that were written, in each step the same. */
  async #read(): Promise<boolean> {
    for (const plan of this.#blockPlans('read', this.#context.data.simultaneousReads)) {
      const requests = Math.min(plan.requests, this.#blobs.count);
      if (!(await this.#step({ ...plan, requests }, (index, lane) => this.#blobs.read(index, lane)))) return false;
    }
    return true;
  }

  /** Plans a step without parallelism, and one with all of it. */
  #blockPlans(step: 'write' | 'read', simultaneous: number): StepPlan[] {
    const maxRequests = Math.max(1, Math.floor(MAX_BYTES / this.#blockSize));
    const lanes = simultaneous === 1 ? [1] : [1, Math.min(simultaneous, maxRequests)];
    return lanes.map((inFlight) => {
      const wanted = inFlight === 1 ? SEQUENTIAL_REQUESTS : inFlight * ROUNDS;
      return { step, inFlight, requests: Math.min(wanted, maxRequests), bytesEach: this.#blockSize };
    });
  }

  async #checkListing(): Promise<void> {
    await this.#step({ step: 'list', inFlight: 1, requests: this.#blobs.count }, (index) => this.#blobs.find(index));
    await this.#step({ step: 'missing', inFlight: 1, requests: 1 }, () => this.#blobs.readMissing());
  }

  async #delete(): Promise<void> {
    if (this.#blobs.count === 0) return;
    const isDone = await this.#step({ step: 'delete', inFlight: 1, requests: 1 }, () => this.#blobs.delete());
    if (isDone) await warnOfKept(this.#context, this.#backend);
  }

  async #step(plan: StepPlan, request: StepRequest): Promise<boolean> {
    // The test blobs are deleted even if the user stops the check.
    const signal = plan.step === 'delete' ? undefined : this.#context.signal;
    const result = await runStep({ ...plan, signal }, request);
    if (result.problem !== null) this.#context.logger.error(result.problem);
    this.#results.push(result);
    return result.problem === null;
  }
}
