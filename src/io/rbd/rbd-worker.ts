import { parentPort } from 'node:worker_threads';
import { type PlainError, toPlainError } from '../../errors.ts';
import { RbdCalls } from './rbd-calls.ts';

/**
 * The thread that talks to the cluster. Connecting, opening, listing and comparing wait for it,
 * even forever, so the main thread must not do it. Block workers read and write themselves.
 */

/** Main to worker. */
export interface Question {
  id: number;
  call: keyof RbdCalls;
  args: unknown[];
}

/** Worker to main. */
export type Answer = { id: number; value: unknown } | { id: number; error: PlainError };

const port = parentPort;
if (port === null) throw new Error('rbd-worker runs as a worker thread');
const calls = new RbdCalls();

port.on('message', ({ id, call, args }: Question) => {
  let answer: Answer;
  try {
    const method = calls[call] as (...args: unknown[]) => unknown;
    answer = { id, value: method.apply(calls, args) };
  } catch (error) {
    answer = { id, error: toPlainError(error, 'io') };
  }
  port.postMessage(answer);
  if (call === 'shutdown') port.close();
});
