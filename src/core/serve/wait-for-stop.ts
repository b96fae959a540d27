/** A wait for the end of a command that runs until it is stopped. */
export interface Stop {
  /** Resolves when the user stops the program. Rejects when it can't continue. */
  readonly stopped: Promise<void>;
  /** Rejects `stopped`. */
  fail(error: unknown): void;
}

/** Waits for `signal`. Its abort is the normal end of such a command, not a failure. */
export function waitForStop(signal: AbortSignal): Stop {
  let fail: (error: unknown) => void = () => {};
  const stopped = new Promise<void>((resolve, reject) => {
    fail = reject;
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  // A failure may come before anybody awaits `stopped`.
  stopped.catch(() => {});
  return { stopped, fail };
}
