import { setTimeout as sleep } from 'node:timers/promises';
import { BackyError } from '../../errors.ts';

/** Clients give up sooner or later: an error says more than a lost connection. */
const WAIT_TIMEOUT_MS = 45_000;

/**
 * Saves that are running, at most one per version. A client that opens the version waits for its
 * save: else its writes could be saved in part or lost.
 */
export class RunningSaves {
  readonly #running = new Map<string, Promise<void>>();
  readonly #timeoutMs: number;

  constructor(timeoutMs = WAIT_TIMEOUT_MS) {
    this.#timeoutMs = timeoutMs;
  }

  isRunning(uid: string): boolean {
    return this.#running.has(uid);
  }

  /** Runs a save. `isRunning` is true from the call until the save has succeeded or failed. */
  async run(uid: string, save: () => Promise<void>): Promise<void> {
    const running = save().finally(() => this.#running.delete(uid));
    this.#running.set(uid, running);
    await running;
  }

  /**
   * Waits until the save of a version has succeeded or failed. Throws a BackyError `locked` on
   * timeout.
   */
  async wait(uid: string): Promise<void> {
    const running = this.#running.get(uid);
    if (running === undefined) return;
    const timer = new AbortController();
    const timedOut = sleep(this.#timeoutMs, true, { signal: timer.signal }).catch(() => false);
    const ended = running.then(
      () => false,
      () => false,
    );
    const isTimeout = await Promise.race([timedOut, ended]);
    timer.abort();
    if (!isTimeout) return;
    throw new BackyError('locked', `Writes to version ${uid} are being saved. Connect again later.`);
  }
}
