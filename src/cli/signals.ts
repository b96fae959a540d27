import { BackyError } from '../errors.ts';
import { exitNow } from '../native/file-calls.ts';
import { setFooter } from './console-log.ts';

const NUMBERS = { SIGINT: 2, SIGTERM: 15 } as const;

/**
 * An AbortSignal that the first SIGINT or SIGTERM aborts: what is in flight ends, rows are committed, locks given back.
 * The second stops the process at once.
 */
export function abortOnSignals(): AbortSignal {
  const aborter = new AbortController();
  for (const [name, number] of Object.entries(NUMBERS)) {
    process.on(name as NodeJS.Signals, () => {
      const exitCode = 128 + number;
      if (aborter.signal.aborted) {
        setFooter(undefined);
        exitNow(exitCode);
      }
      aborter.abort(new BackyError('interrupted', `Stopped by ${name}.`, { exitCode }));
    });
  }
  return aborter.signal;
}
