import { BackyError } from '../../errors.ts';
import { newAborter } from '../../model/aborter.ts';
import { exitNow } from '../../native/file-calls.ts';
import { serveOnce } from '../../native/one-shot-signals.ts';
import { setFooter, settleOutputAtOnce } from '../output/write-out.ts';

export const NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/**
 * MUST be called first. SIGUSR1 no longer opens Node's inspector, which the launcher blocks until
 * then. SIGHUP stays ignored if the program was started so, by nohup for instance. Node forgets
 * that, so the launcher passes it on.
 */
export function listenEarly(): void {
  process.on('SIGUSR1', () => {});
  if (ignoresHangup()) process.on('SIGHUP', () => {});
}

/**
 * Signals so soon after the first one are the same: `timeout` sends its signal to the program, and
 * at once to its process group too.
 */
const DOUBLED_MS = 20;

/** Handles signals while a command runs. */
export interface SignalWatch {
  /** Aborted by the first signal; its reason is the error to end with. */
  signal: AbortSignal;
  /**
   * From now on, the kernel ends a process whose main thread is blocked at the second signal of a
   * kind. Loads libc.
   */
  serveOnce(): void;
  /** Restores the default handling. */
  end(): void;
}

/**
 * Watches for SIGINT, SIGTERM and SIGHUP. The first one aborts: blocks in flight end, rows are
 * committed, locks released. The second one stops the process at once, unless it comes within
 * {@link DOUBLED_MS}.
 * @param beforeStop called just before that stop.
 */
export function abortOnSignals(beforeStop: (reason: BackyError) => void): SignalWatch {
  const aborter = newAborter();
  const names = Object.keys(NUMBERS).filter((name) => name !== 'SIGHUP' || !ignoresHangup()) as (keyof typeof NUMBERS)[];
  const rearm = new Map<NodeJS.Signals, () => void>();
  let firstAt = 0;
  const onSignal = (name: NodeJS.Signals) => {
    const exitCode = 128 + NUMBERS[name as keyof typeof NUMBERS];
    const reason = new BackyError('interrupted', `Stopped by ${name}.`, { exitCode });
    const isFirst = !aborter.signal.aborted;
    if (isFirst) firstAt = performance.now();
    if (performance.now() - firstAt < DOUBLED_MS) {
      // This thread runs: the next signal may end the process in order.
      rearm.get(name)?.();
      return isFirst ? aborter.abort(reason) : undefined;
    }
    setFooter(undefined);
    beforeStop(reason);
    void settleOutputAtOnce().finally(() => exitNow(reason.exitCode));
  };
  for (const name of names) process.on(name, onSignal);
  return {
    signal: aborter.signal,
    serveOnce: () => {
      for (const name of names) rearm.set(name, serveOnce(NUMBERS[name]));
    },
    end: () => {
      for (const name of names) process.off(name, onSignal);
    },
  };
}

/** Whether the program was started so that SIGHUP does nothing. */
export function ignoresHangup(): boolean {
  return process.env.BACKY2_SIGHUP === 'ignored';
}
