import { BackyError } from '../errors.ts';
import { libc } from './libc.ts';

/** Of struct sigaction, the same in glibc and musl: handler, mask (128 bytes), flags, restorer. */
const SIGACTION_BYTES = 152;
const FLAGS_AT = 136;
const SA_RESETHAND = 0x80000000;

/**
 * Makes the handler of a signal serve once: the kernel ends the process at the next such signal,
 * even if this thread is blocked in a call and can run no handler. The process MUST have a handler.
 * @returns a function that lets the handler serve once more.
 */
export function serveOnce(signal: number): () => void {
  const action = new Uint8Array(SIGACTION_BYTES);
  sigaction(signal, null, action);
  const view = new DataView(action.buffer);
  view.setUint32(FLAGS_AT, (view.getUint32(FLAGS_AT, true) | SA_RESETHAND) >>> 0, true);
  const arm = () => sigaction(signal, action, null);
  arm();
  return arm;
}

function sigaction(signal: number, next: Uint8Array | null, previous: Uint8Array | null): void {
  if (libc().sigaction(signal, next, previous) === 0) return;
  throw new BackyError('failed', `Cannot prepare for signal ${signal}: ${libc().errnoName(libc().errno())}`);
}
