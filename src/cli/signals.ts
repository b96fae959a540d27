import { BackyError } from '../errors.ts';
import { exitNow } from '../native/file-calls.ts';
import { setFooter } from './console-log.ts';

const NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/**
 * To be called first of all: from now on SIGUSR1 does not open Node's inspector (the launcher keeps it shut until then), and SIGHUP does
 * nothing where the program was started so, by nohup for instance, which Node forgets and the launcher tells.
 */
export function listenEarly(): void {
  process.on('SIGUSR1', () => {});
  if (ignoresHangup()) process.on('SIGHUP', () => {});
}

/**
 * An AbortSignal that the first SIGINT, SIGTERM or SIGHUP aborts: what is in flight ends, rows are committed, locks given back.
 * The second stops the process at once.
 * @param beforeStop told why, just before that.
 */
export function abortOnSignals(beforeStop: (reason: BackyError) => void): AbortSignal {
  const aborter = new AbortController();
  for (const [name, number] of Object.entries(NUMBERS)) {
    if (name === 'SIGHUP' && ignoresHangup()) continue;
    process.on(name as NodeJS.Signals, () => {
      const reason = new BackyError('interrupted', `Stopped by ${name}.`, { exitCode: 128 + number });
      if (aborter.signal.aborted) {
        setFooter(undefined);
        beforeStop(reason);
        exitNow(reason.exitCode);
      }
      aborter.abort(reason);
    });
  }
  return aborter.signal;
}

function ignoresHangup(): boolean {
  return process.env.BACKY2_SIGHUP === 'ignored';
}
