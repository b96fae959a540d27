/** A wait for the end of a command that runs until it is told to stop. */
export interface Stop {
  /** Resolves once the user stops the program, rejects once it can't go on. */
  readonly stopped: Promise<void>;
  /** Ends the wait: it can't go on. */
  fail(error: unknown): void;
}

/** Waits for `signal`, which is how such a command ends, and no failure. */
export function waitForStop(signal: AbortSignal): Stop {
  let fail: (error: unknown) => void = () => {};
  const stopped = new Promise<void>((resolve, reject) => {
    fail = reject;
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  // Whoever awaits it sees the failure; it may come before anybody does.
  stopped.catch(() => {});
  return { stopped, fail: (error) => fail(error) };
}
