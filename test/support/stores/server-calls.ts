import { fileURLToPath } from 'node:url';
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { buildSync } from 'esbuild';
import { afterAll } from 'vitest';
import type { Answer, Calls, Request } from './server-worker.ts';

/** Longer than that is a server that hangs. */
const CALL_MS = 60_000;

/**
 * Calls servers and blocks until the answer comes. So a test can look into a database or a bucket
 * as it looks into a file. A worker thread makes the requests.
 */
export class ServerCalls {
  readonly #worker: Worker;

  constructor(data: object) {
    const entry = fileURLToPath(new URL('server-worker.ts', import.meta.url));
    // Node itself cannot load TypeScript.
    const built = buildSync({
      ...{ entryPoints: [entry], bundle: true, platform: 'node', packages: 'external', write: false },
      // The bundle includes code that starts servers; it is not used here and would not work.
      logLevel: 'error',
    });
    this.#worker = new Worker(built.outputFiles[0]?.text ?? '', { eval: true, workerData: data });
    this.#worker.unref();
    // First registered, last run: all that the file's tests remove is removed before the process
    // ends.
    afterAll(() => this.call('settle'), CALL_MS);
  }

  /** Throws the worker's error. */
  call<Name extends keyof Calls>(name: Name, ...args: Parameters<Calls[Name]>): Awaited<ReturnType<Calls[Name]>> {
    const { port1, port2 } = new MessageChannel();
    const done = new Int32Array(new SharedArrayBuffer(4));
    const request: Request & { port: MessagePort } = { name, args, done, port: port2 };
    this.#worker.postMessage(request, [port2]);
    if (Atomics.wait(done, 0, 0, CALL_MS) === 'timed-out')
      throw new Error(`${name}: no answer of the servers after ${CALL_MS} ms`);
    const answer = receiveMessageOnPort(port1)?.message as Answer | undefined;
    port1.close();
    if (answer === undefined || 'error' in answer)
      throw new Error(`${name} ${JSON.stringify(args).slice(0, 300)}: ${answer?.error}`);
    return answer.value as Awaited<ReturnType<Calls[Name]>>;
  }
}
