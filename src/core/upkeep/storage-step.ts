import { BackyError, messageOf } from '../../errors.ts';

/** Result of one part of the check. */
export interface StorageStep {
  step: 'reach' | 'identity' | 'write' | 'read' | 'list' | 'missing' | 'delete';
  /** Requests in parallel. */
  inFlight: number;
  /** Successful requests. */
  requests: number;
  /** Bytes of blocks; 0 for steps that move none. */
  bytes: number;
  seconds: number;
  /** Mean time from a request's start to its end. */
  msPerRequest: number;
  /** Failure and hint; null if the step succeeded. */
  problem: string | null;
}

/** Requests of a step. */
export interface StepPlan {
  step: StorageStep['step'];
  inFlight: number;
  requests: number;
  /** Bytes that each request moves. */
  bytesEach?: number;
  /** When aborted, no new requests start, and the step rejects. */
  signal?: AbortSignal | undefined;
}

/** Makes request `index`. Requests of one lane run one after the other. */
export type StepRequest = (index: number, lane: number) => Promise<void>;

/**
 * Runs requests until the first failure. A BackyError becomes the result's problem; other errors
 * are thrown.
 */
export async function runStep(plan: StepPlan, request: StepRequest): Promise<StorageStep> {
  const { step, inFlight, requests, bytesEach = 0, signal } = plan;
  const start = performance.now();
  const failures: unknown[] = [];
  let [begun, done, requestMs] = [0, 0, 0];
  const runLane = async (lane: number) => {
    while (begun < requests && failures.length === 0 && signal?.aborted !== true) {
      const begin = performance.now();
      await request(begun++, lane).then(
        () => done++,
        (error: unknown) => failures.push(error),
      );
      requestMs += performance.now() - begin;
    }
  };
  await Promise.all(Array.from({ length: Math.min(inFlight, requests) }, (_, lane) => runLane(lane)));
  signal?.throwIfAborted();
  const seconds = (performance.now() - start) / 1000;
  const msPerRequest = requestMs / begun;
  return { step, inFlight, requests: done, bytes: done * bytesEach, seconds, msPerRequest, problem: problemOf(failures[0]) };
}

function problemOf(failure: unknown): string | null {
  if (failure === undefined) return null;
  if (!(failure instanceof BackyError)) throw failure;
  if (failure.hint === undefined) return messageOf(failure);
  return `${failure.message.replace(/(?<![.!?:])$/, '.')} ${failure.hint}`;
}
