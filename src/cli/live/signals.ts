import { BackyError } from '../../errors.ts';
import { exitNow } from '../../native/file-calls.ts';
import { setFooter } from '../log/console-log.ts';

const NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/**
 * To be called first of all: from now on SIGUSR1 does not open Node's inspector (the launcher keeps it shut until then), and SIGHUP does
 * nothing where the program was started so, by nohup for instance, which Node forgets and the launcher tells.
 */
export function listenEarly(): void {
  process.on('SIGUSR1', () => {});
  if (ignoresHangup()) process.on('SIGHUP', () => {});
}

/** A running command's watch for signals of the system. */
export interface SignalWatch {
  /** Aborted by the first signal, with the error that the command ends with. */
  signal: AbortSignal;
  /** Signals do what they did before. */
  end(): void;
}

/**
 * The first SIGINT, SIGTERM or SIGHUP aborts: what is in flight ends, rows are committed, locks given back.
 * The second stops the process at once.
 * @param beforeStop told why, just before that.
 */
export function abortOnSignals(beforeStop: (reason: BackyError) => void): SignalWatch {
  const aborter = new AbortController();
  const names = Object.keys(NUMBERS).filter((name) => name !== 'SIGHUP' || !ignoresHangup()) as (keyof typeof NUMBERS)[];
  const onSignal = (name: NodeJS.Signals) => {
    const exitCode = 128 + NUMBERS[name as keyof typeof NUMBERS];
    const reason = new BackyError('interrupted', `Stopped by ${name}.`, { exitCode });
    if (aborter.signal.aborted) {
      setFooter(undefined);
      beforeStop(reason);
      exitNow(reason.exitCode);
    }
    aborter.abort(reason);
  };
  for (const name of names) process.on(name, onSignal);
  return {
    signal: aborter.signal,
    end: () => {
      for (const name of names) process.off(name, onSignal);
    },
  };
}

function ignoresHangup(): boolean {
  return process.env.BACKY2_SIGHUP === 'ignored';
}
