import { setMaxListeners } from 'node:events';

/**
 * An aborter for a signal that many calls may wait on at once, each with a listener of its own. Of
 * the usual ones, Node warns on stderr from the eleventh listener on.
 */
export function newAborter(): AbortController {
  const aborter = new AbortController();
  setMaxListeners(0, aborter.signal);
  return aborter;
}

/** A signal that is aborted with the first of `signals`, for many listeners as well. */
export function anySignal(signals: AbortSignal[]): AbortSignal {
  const signal = AbortSignal.any(signals);
  setMaxListeners(0, signal);
  return signal;
}
