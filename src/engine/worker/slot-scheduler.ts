import type { Decision, Job } from '../shared/messages.ts';

/** How many slots a {@link SlotScheduler} gives out. */
interface SlotLimits {
  slots: number;
  /** Slots that may be reading or writing at once while other blocks do not wait. */
  ioSlots: number;
}

/** How full the batch of blocks to hash is. */
export interface BatchState {
  /** Jobs whose blocks wait for their checksums. */
  waiting: number;
  /** Jobs that read blocks, which will join it. */
  reading: number;
  /** More blocks would not make hashing faster. */
  isFull: boolean;
  /** There are blocks, and they should wait for no more. */
  isReady: boolean;
  /** They have waited for others for as long as they may. */
  isOverdue: boolean;
  /** A job that stores needs checksums before it can end. */
  isHurried: boolean;
}

type ReadJob = Extract<Job, { kind: 'read' }>;

/** With this many jobs that write, a worker's writes do not run dry while it fills a batch. */
const ENOUGH_WRITERS = 2;

/** A job to start in a slot, which is its own until {@link SlotScheduler.ended}. */
export interface Start {
  job: number;
  work: Job;
  slot: number;
}

/** A read job whose blocks are to be stored from their slot. */
export interface Store {
  job: number;
  work: ReadJob;
  slot: number;
  decisions: readonly Decision[];
}

/**
 * Decides which job gets a slot, when to hash, and what becomes of jobs that are dropped. A state
 * machine: it starts nothing and waits for nothing. Its caller reports events and does what it
 * returns.
 *
 *     queued --startNext--> busy --ended--> (slot is idle)
 *                           busy --digested--> undecided --decide--> busy
 *     queued, undecided --drop, finish--> (dropped)
 */
export class SlotScheduler {
  readonly #limits: SlotLimits;
  /** The last one is taken first: its bytes may still be in the processor's cache. */
  readonly #idle: number[];
  readonly #queue: { job: number; work: Job }[] = [];
  readonly #busy = new Map<number, { slot: number; work: Job }>();
  /** Read jobs whose blocks wait in their slot for main's decision. */
  readonly #undecided = new Map<number, { slot: number; work: ReadJob }>();
  #freed = 0;
  #isUndecidable = false;
  #isFinishing = false;

  constructor(limits: SlotLimits) {
    this.#limits = limits;
    this.#idle = Array.from({ length: limits.slots }, (_, slot) => slot);
  }

  /** Slots are left beyond those for reading and writing. */
  get hasSpareSlots(): boolean {
    return this.#isUsingSpares && this.#idle.length > 0;
  }

  /** After {@link finish}, no job is left. */
  get isDone(): boolean {
    return this.#isFinishing && this.#busy.size === 0;
  }

  /**
   * Queues a job of main. @returns false when it is dropped: nothing starts after {@link finish}.
   */
  add(job: number, work: Job): boolean {
    if (!this.#isFinishing) this.#queue.push({ job, work });
    return !this.#isFinishing;
  }

  /** There is something to start or to hash. */
  hasTurn(batch: BatchState): boolean {
    return this.#canStart(batch) || this.shouldHash(batch);
  }

  /** Takes the next job that has a slot. */
  startNext(batch: BatchState): Start | undefined {
    if (!this.#canStart(batch)) return undefined;
    const next = this.#queue.shift();
    const slot = this.#idle.pop();
    if (next === undefined || slot === undefined) return undefined;
    this.#busy.set(next.job, { slot, work: next.work });
    return { ...next, slot };
  }

  /**
   * Hash with all lanes, or when blocks are ready and no job can start that could bring more. While
   * main decides about blocks, their slots will soon bring more, unless main is busy for long.
   * While enough jobs write, or wait for their turn, nothing waits for checksums: their slots will
   * bring more. Unless a store waits for them itself, to verify a blob: it would never end.
   */
  shouldHash(batch: BatchState): boolean {
    if (batch.isFull) return true;
    const isDecidedSoon = this.#undecided.size > 0 && !batch.isOverdue;
    const willBringMore = isDecidedSoon || this.#writers(batch) >= ENOUGH_WRITERS;
    return batch.isReady && !this.#canStart(batch) && (batch.isHurried || !willBringMore);
  }

  /**
   * Jobs read or write: the thread should see them end. Without any, it has nothing to do but to
   * hash.
   */
  isMoving({ waiting }: BatchState): boolean {
    return this.#busy.size > waiting;
  }

  /**
   * A job's blocks have their checksums. @returns false when it is dropped, since no decision will
   * come.
   */
  digested(job: number): boolean {
    const { slot, work } = this.#take(job);
    if (this.#isUndecidable || work.kind !== 'read') this.#free(slot);
    else this.#undecided.set(job, { slot, work });
    return this.#undecided.has(job);
  }

  /** Main has decided. @returns undefined when the job was dropped in the meantime. */
  decide(job: number, decisions: readonly Decision[]): Store | undefined {
    const undecided = this.#undecided.get(job);
    if (undecided === undefined) return undefined;
    this.#undecided.delete(job);
    this.#busy.set(job, undecided);
    return { job, ...undecided, decisions };
  }

  /** A job is done, or has failed: its slot is idle. */
  ended(job: number): void {
    this.#free(this.#take(job).slot);
  }

  /**
   * Starts no job that is queued. With `undecided`, no decision will come either.
   * @returns the jobs that are dropped.
   */
  drop({ undecided }: { undecided: boolean }): number[] {
    const dropped = this.#queue.splice(0).map(({ job }) => job);
    if (!undecided) return dropped;
    this.#isUndecidable = true;
    for (const [job, { slot }] of this.#undecided) {
      dropped.push(job);
      this.#free(slot);
    }
    this.#undecided.clear();
    return dropped;
  }

  /** Starts nothing any more. @returns the jobs that are dropped. */
  finish(): number[] {
    this.#isFinishing = true;
    return this.drop({ undecided: true });
  }

  /** Spare slots are used once slots have come and gone: small images never touch their memory. */
  get #isUsingSpares(): boolean {
    return this.#freed >= this.#limits.ioSlots;
  }

  #canStart({ waiting }: BatchState): boolean {
    if (this.#queue.length === 0 || this.#idle.length === 0) return false;
    const inUse = this.#limits.slots - this.#idle.length;
    if (inUse < this.#limits.ioSlots) return true;
    return this.#isUsingSpares && inUse - waiting - this.#undecided.size < this.#limits.ioSlots;
  }

  /** Jobs whose blocks have their checksums, and go to the backend or to the target. */
  #writers({ waiting, reading }: BatchState): number {
    return this.#busy.size - waiting - reading;
  }

  #take(job: number): { slot: number; work: Job } {
    const busy = this.#busy.get(job);
    if (busy === undefined) throw new Error(`job ${job} is not running`);
    this.#busy.delete(job);
    return busy;
  }

  #free(slot: number): void {
    this.#freed++;
    this.#idle.push(slot);
  }
}
