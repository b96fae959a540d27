import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { Job } from '../../../../src/engine/shared/messages.ts';
import { type BatchState, SlotScheduler, type Start } from '../../../../src/engine/worker/slot-scheduler.ts';

const EMPTY: BatchState = { waiting: 0, reading: 0, isFull: false, isReady: false, isOverdue: false, isHurried: false };
const read = (first: number): Job => ({ kind: 'read', first, count: 1 });
const zero: Job = { kind: 'zero', first: 0, count: 1 };

/** Starts all jobs that get a slot. */
function startAll(scheduler: SlotScheduler, batch = EMPTY): Start[] {
  const started: Start[] = [];
  for (let start = scheduler.startNext(batch); start !== undefined; start = scheduler.startNext(batch)) started.push(start);
  return started;
}

/** A scheduler with jobs 0 to `jobs - 1` in its queue. */
function withJobs(jobs: number, limits = { slots: 3, ioSlots: 3 }): SlotScheduler {
  const scheduler = new SlotScheduler(limits);
  for (let job = 0; job < jobs; job++) scheduler.add(job, read(job));
  return scheduler;
}

describe('a job', () => {
  it('starts when a slot is idle, in the order in which it came', () => {
    const scheduler = withJobs(4);
    expect(startAll(scheduler).map(({ job, work }) => [job, work])).toEqual([0, 1, 2].map((job) => [job, read(job)]));
    expect(scheduler.startNext(EMPTY)).toBeUndefined();
    scheduler.ended(1);
    expect(scheduler.startNext(EMPTY)?.job).toBe(3);
  });

  it('gets the slot that was freed last', () => {
    const scheduler = withJobs(4);
    const started = startAll(scheduler);
    for (const job of [0, 2, 1]) scheduler.ended(job);
    expect(scheduler.startNext(EMPTY)?.slot).toBe(started[1]?.slot);
  });

  it('keeps its slot from its checksums to the end of its store', () => {
    const scheduler = withJobs(2, { slots: 1, ioSlots: 1 });
    const started = scheduler.startNext(EMPTY);
    expect(scheduler.digested(0)).toBe(true);
    expect(scheduler.startNext(EMPTY)).toBeUndefined();
    const decisions = [{ action: 'store' } as const];
    expect(scheduler.decide(0, decisions)).toEqual({ job: 0, slot: started?.slot, work: read(0), decisions });
    expect(scheduler.startNext(EMPTY)).toBeUndefined();
    scheduler.ended(0);
    expect(scheduler.startNext(EMPTY)).toMatchObject({ job: 1, slot: started?.slot });
  });

  it('that is not running can not end: a slot would be there twice', () => {
    const scheduler = withJobs(1);
    expect(() => scheduler.ended(0)).toThrow('job 0 is not running');
    startAll(scheduler);
    scheduler.digested(0);
    expect(() => scheduler.ended(0)).toThrow('job 0 is not running');
    expect(() => scheduler.digested(0)).toThrow('job 0 is not running');
  });

  it('is decided once', () => {
    const scheduler = withJobs(1);
    startAll(scheduler);
    scheduler.digested(0);
    expect(scheduler.decide(0, [null])).toBeDefined();
    expect(scheduler.decide(0, [null])).toBeUndefined();
    expect(scheduler.decide(1, [null])).toBeUndefined();
  });
});

test('while a job reads or stores, something moves; not while all wait for checksums or for main', () => {
  const scheduler = withJobs(2);
  expect(scheduler.isMoving(EMPTY)).toBe(false);
  startAll(scheduler);
  expect(scheduler.isMoving({ ...EMPTY, waiting: 1 })).toBe(true);
  expect(scheduler.isMoving({ ...EMPTY, waiting: 2 })).toBe(false);
  scheduler.digested(0);
  expect(scheduler.isMoving({ ...EMPTY, waiting: 1 })).toBe(false);
  scheduler.decide(0, [{ action: 'store' }]);
  expect(scheduler.isMoving({ ...EMPTY, waiting: 1 })).toBe(true);
  scheduler.ended(0);
  expect(scheduler.isMoving({ ...EMPTY, waiting: 1 })).toBe(false);
});

describe('spare slots', () => {
  const limits = { slots: 4, ioSlots: 2 };

  it('are used only after as many jobs have ended as may read or write at once', () => {
    const scheduler = withJobs(6, limits);
    expect(startAll(scheduler, { ...EMPTY, waiting: 2 })).toHaveLength(2);
    expect(scheduler.hasSpareSlots).toBe(false);
    scheduler.ended(0);
    expect(scheduler.hasSpareSlots).toBe(false);
    scheduler.ended(1);
    expect(scheduler.hasSpareSlots).toBe(true);
    expect(startAll(scheduler, { ...EMPTY, waiting: 2 })).toHaveLength(4);
    expect(scheduler.hasSpareSlots).toBe(false);
  });

  it('are for blocks that wait for their checksums, or for a decision: no more jobs read or write at once', () => {
    const scheduler = withJobs(8, limits);
    startAll(scheduler);
    scheduler.ended(0);
    scheduler.ended(1);
    expect(startAll(scheduler)).toHaveLength(2);
    expect(startAll(scheduler, { ...EMPTY, waiting: 1 })).toHaveLength(1);
    expect(scheduler.digested(2)).toBe(true);
    expect(startAll(scheduler, { ...EMPTY, waiting: 1 })).toHaveLength(1);
  });
});

describe('a turn', () => {
  const ready = { ...EMPTY, waiting: 1, isReady: true };
  const full = { ...EMPTY, waiting: 8, isFull: true, isReady: true };

  it('is wanted when a job can start, or blocks are ready to be hashed', () => {
    const scheduler = withJobs(0);
    expect(scheduler.hasTurn(EMPTY)).toBe(false);
    expect(scheduler.hasTurn(ready)).toBe(true);
    scheduler.add(0, read(0));
    expect(scheduler.hasTurn(EMPTY)).toBe(true);
    startAll(scheduler);
    expect(scheduler.hasTurn(EMPTY)).toBe(false);
  });

  it('hashes when all lanes are full; with fewer blocks only when no job can start that may bring more', () => {
    const scheduler = withJobs(1);
    expect(scheduler.shouldHash(EMPTY)).toBe(false);
    expect(scheduler.shouldHash(ready)).toBe(false);
    expect(scheduler.shouldHash(full)).toBe(true);
    startAll(scheduler);
    expect(scheduler.shouldHash(EMPTY)).toBe(false);
    expect(scheduler.shouldHash(ready)).toBe(true);
  });
});

describe('while blocks are written', () => {
  const ready = { ...EMPTY, waiting: 1, isReady: true };

  /** Three jobs hold all slots; the first `storing` of them are being stored. */
  function withStores(storing: number): SlotScheduler {
    const scheduler = withJobs(4);
    startAll(scheduler);
    for (let job = 0; job < storing; job++) {
      scheduler.digested(job);
      scheduler.decide(job, [{ action: 'store' }]);
    }
    return scheduler;
  }

  it('a batch waits for the slots of two stores, and no longer', () => {
    const scheduler = withStores(2);
    expect(scheduler.shouldHash(ready)).toBe(false);
    expect(scheduler.hasTurn(ready)).toBe(false);
    scheduler.ended(0);
    startAll(scheduler);
    expect(scheduler.shouldHash({ ...ready, reading: 1 })).toBe(true);
    expect(scheduler.hasTurn({ ...ready, reading: 1 })).toBe(true);
  });

  it('a batch does not wait that a store waits for', () => {
    const scheduler = withStores(2);
    expect(scheduler.shouldHash({ ...ready, isHurried: true })).toBe(true);
    expect(scheduler.hasTurn({ ...ready, isHurried: true })).toBe(true);
  });

  it('a full batch does not wait, nor one behind a single store', () => {
    expect(withStores(2).shouldHash({ ...ready, isFull: true })).toBe(true);
    expect(withStores(1).shouldHash({ ...ready, waiting: 2 })).toBe(true);
  });

  it('a batch waits as well for blocks that go to a target, but not for those that are read', () => {
    const scheduler = withJobs(4);
    startAll(scheduler);
    expect(scheduler.shouldHash(ready)).toBe(false);
    expect(scheduler.shouldHash({ ...ready, reading: 1 })).toBe(true);
    scheduler.ended(0);
    startAll(scheduler);
    expect(scheduler.shouldHash({ ...ready, waiting: 2 })).toBe(true);
  });
});

describe('while main decides about blocks', () => {
  const ready = { ...EMPTY, waiting: 1, isReady: true };

  it('a batch waits for their slots, unless it is full, overdue, or a store waits for it', () => {
    const scheduler = withJobs(3);
    startAll(scheduler);
    scheduler.digested(0);
    expect(scheduler.shouldHash(ready)).toBe(false);
    expect(scheduler.hasTurn(ready)).toBe(false);
    expect(scheduler.shouldHash({ ...ready, isFull: true })).toBe(true);
    expect(scheduler.shouldHash({ ...ready, isHurried: true })).toBe(true);
    expect(scheduler.shouldHash({ ...ready, isOverdue: true })).toBe(true);
    scheduler.decide(0, [null]);
    expect(scheduler.shouldHash({ ...ready, waiting: 2 })).toBe(true);
  });
});

describe('a drop', () => {
  it('gives up jobs that have not started; those that have go on', () => {
    const scheduler = withJobs(5);
    startAll(scheduler);
    scheduler.digested(0);
    expect(scheduler.drop({ undecided: false })).toEqual([3, 4]);
    expect(scheduler.drop({ undecided: false })).toEqual([]);
    expect(scheduler.digested(1)).toBe(true);
    expect(scheduler.decide(0, [null])?.job).toBe(0);
    expect(scheduler.isDone).toBe(false);
  });

  it('of undecided jobs gives up those that wait for a decision, and those that would', () => {
    const scheduler = withJobs(4);
    startAll(scheduler);
    scheduler.digested(0);
    expect(scheduler.drop({ undecided: true })).toEqual([3, 0]);
    expect(scheduler.decide(0, [null])).toBeUndefined();
    expect(scheduler.digested(1)).toBe(false);
    expect(scheduler.decide(1, [null])).toBeUndefined();
    scheduler.ended(2);
    scheduler.add(4, zero);
    scheduler.add(5, zero);
    scheduler.add(6, zero);
    expect(startAll(scheduler)).toHaveLength(3);
  });
});

describe('the end', () => {
  it('comes when no job is running; none starts any more', () => {
    const scheduler = withJobs(5);
    startAll(scheduler);
    scheduler.digested(0);
    expect(scheduler.finish()).toEqual([3, 4, 0]);
    expect(scheduler.add(5, zero)).toBe(false);
    expect(scheduler.hasTurn(EMPTY)).toBe(false);
    scheduler.ended(1);
    expect(scheduler.isDone).toBe(false);
    expect(scheduler.digested(2)).toBe(false);
    expect(scheduler.isDone).toBe(true);
  });

  it('comes at once when there is nothing to do', () => {
    const scheduler = withJobs(0);
    expect(scheduler.isDone).toBe(false);
    scheduler.finish();
    expect(scheduler.isDone).toBe(true);
  });
});

/**
 * Reports events in any order that a worker could, and checks after each that slots and answers add
 * up.
 */
class Walk {
  readonly #limits: { slots: number; ioSlots: number };
  readonly #scheduler: SlotScheduler;
  /** Slots by the job that holds them. */
  readonly #held = new Map<number, number>();
  readonly #running = new Map<number, Job>();
  readonly #undecided: number[] = [];
  /** How often each job was answered for the last time: it must be once. */
  readonly answers: number[] = [];
  #isFinished = false;

  constructor(limits: { slots: number; ioSlots: number }) {
    this.#limits = limits;
    this.#scheduler = new SlotScheduler(limits);
  }

  step([event, choice]: readonly [string, number]): void {
    const scheduler = this.#scheduler;
    const pick = <T>(from: readonly T[]): T | undefined => from[choice % Math.max(1, from.length)];
    const running = pick([...this.#running.keys()]);
    if (event === 'add') this.#add(choice);
    else if (event === 'turn') this.#turn({ ...EMPTY, waiting: choice % 3 });
    else if (event === 'piece' && running !== undefined) this.#endPiece(running);
    else if (event === 'fail' && running !== undefined) this.#end(running);
    else if (event === 'decide') this.#decide(pick(this.#undecided));
    else if (event === 'drop') this.#drop(scheduler.drop({ undecided: choice % 2 === 1 }));
    else if (event === 'finish') this.#finish();
    expect(this.#held.size).toBeLessThanOrEqual(this.#limits.slots);
    expect(new Set(this.#held.values()).size).toBe(this.#held.size);
    expect([...this.#held.values()].every((slot) => slot >= 0 && slot < this.#limits.slots)).toBe(true);
    expect(scheduler.isDone).toBe(this.#isFinished && this.#running.size === 0);
  }

  /** Ends all jobs, and checks that all slots are idle again. */
  settle(): void {
    this.#drop(this.#scheduler.drop({ undecided: false }));
    for (const job of [...this.#running.keys()]) this.#end(job);
    if (!this.#isFinished) {
      this.#drop(this.#scheduler.drop({ undecided: true }));
      const all = this.#limits.slots;
      for (let i = 0; i < this.#limits.ioSlots; i++) this.#add(0);
      this.#turn({ ...EMPTY, waiting: all });
      for (const job of [...this.#running.keys()]) this.#end(job);
      for (let i = 0; i < all; i++) this.#add(0);
      for (let i = 0; i < all; i++) this.#turn({ ...EMPTY, waiting: all });
      expect(this.#held.size).toBe(all);
      for (const job of [...this.#running.keys()]) this.#end(job);
    }
    this.#finish();
    expect(this.#scheduler.isDone).toBe(true);
    expect(this.answers).toEqual(this.answers.map(() => 1));
  }

  #add(choice: number): void {
    const job = this.answers.push(0) - 1;
    if (!this.#scheduler.add(job, choice % 3 === 0 ? zero : read(job))) this.#answer(job);
  }

  #turn(batch: BatchState): void {
    for (const { job, work, slot } of startAll(this.#scheduler, batch)) {
      expect([...this.#held.values()]).not.toContain(slot);
      this.#held.set(job, slot);
      this.#running.set(job, work);
    }
  }

  #endPiece(job: number): void {
    // The first piece of a read job ends with its checksums, the second with its blobs.
    if (this.#running.get(job)?.kind !== 'read') this.#end(job);
    else {
      this.#running.delete(job);
      if (this.#scheduler.digested(job)) this.#undecided.push(job);
      else this.#answer(job);
    }
  }

  #end(job: number): void {
    this.#running.delete(job);
    this.#scheduler.ended(job);
    this.#answer(job);
  }

  #decide(job: number | undefined): void {
    if (job === undefined) return;
    const store = this.#scheduler.decide(job, [null]);
    expect(store?.slot).toBe(this.#held.get(job));
    this.#undecided.splice(this.#undecided.indexOf(job), 1);
    this.#running.set(job, zero);
  }

  #drop(jobs: readonly number[]): void {
    for (const job of jobs) {
      this.#answer(job);
      if (this.#undecided.includes(job)) this.#undecided.splice(this.#undecided.indexOf(job), 1);
    }
  }

  #finish(): void {
    this.#isFinished = true;
    this.#drop(this.#scheduler.finish());
  }

  #answer(job: number): void {
    this.#held.delete(job);
    this.answers[job] = (this.answers[job] ?? 0) + 1;
  }
}

test('whatever happens in whatever order, each job is answered once, and no slot is lost or given twice', () => {
  const events = fc.oneof(
    { weight: 5, arbitrary: fc.constant('add') },
    { weight: 5, arbitrary: fc.constant('turn') },
    { weight: 6, arbitrary: fc.constant('piece') },
    { weight: 4, arbitrary: fc.constant('decide') },
    { weight: 1, arbitrary: fc.constantFrom('fail', 'drop', 'finish') },
  );
  const limits = fc
    .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 4 }))
    .map(([ioSlots, spare]) => ({ ioSlots, slots: ioSlots + spare }));
  fc.assert(
    fc.property(limits, fc.array(fc.tuple(events, fc.nat(1000)), { maxLength: 60 }), (given, steps) => {
      const walk = new Walk(given);
      for (const step of steps) walk.step(step);
      walk.settle();
    }),
    { numRuns: 300 },
  );
});
