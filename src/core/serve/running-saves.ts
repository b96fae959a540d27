import { setTimeout as sleep } from 'node:timers/promises';
import { BackyError } from '../../errors.ts';

/** Clients are cut off when they have not come to an agreement after 60 s. A refusal says more. */
const WAIT_LIMIT_MS = 45_000;

/**
 * The saves that run, one a version. Who opens a version waits for its save: what they wrote
 * meanwhile would be in part of it, or lost.
 */
export class RunningSaves {
  readonly #running = new Map<string, Promise<void>>();
  readonly #limitMs: number;

  constructor(limitMs = WAIT_LIMIT_MS) {
    this.#limitMs = limitMs;
  }

  isRunning(uid: string): boolean {
    return this.#running.has(uid);
  }

  /**
   * Runs a save. The version is closed to others from the call on until it has ended, well or not.
   */
  async run(uid: string, save: () => Promise<void>): Promise<void> {
    const running = save().finally(() => this.#running.delete(uid));
    this.#running.set(uid, running);
    await running;
  }

  /**
   * Resolves when the save of a version has ended, well or not. Rejects with a BackyError when that
   * takes too long.
   */
  async ended(uid: string): Promise<void> {
    const running = this.#running.get(uid);
    if (running === undefined) return;
    const timer = new AbortController();
    const isOver = sleep(this.#limitMs, true, { signal: timer.signal }).catch(() => false);
    const tookTooLong = await Promise.race([isOver, running.then(never, never)]);
    timer.abort();
    if (tookTooLong) throw takesTooLong(uid);
  }
}

function takesTooLong(uid: string): BackyError {
  return new BackyError('locked', `What was written to version ${uid} is being saved. Connect again later.`);
}

function never(): boolean {
  return false;
}
