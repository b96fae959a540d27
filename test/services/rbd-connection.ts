import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { PYTHON } from '../support/labs/encryption.ts';

const SCRIPT = fileURLToPath(new URL('rbd-calls.py', import.meta.url));

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/**
 * Makes calls of librbd in a Python process that keeps one connection (rbd-calls.py). The first
 * call starts it.
 */
export class RbdConnection {
  readonly #conf: string;
  readonly #waiting: Waiting[] = [];
  #child: ChildProcess | undefined;
  #stderr = '';

  /** @param conf path of the cluster's ceph.conf. */
  constructor(conf: string) {
    this.#conf = conf;
  }

  /** Makes one call; answers come in the order of the calls. Rejects with librbd's message. */
  call<T = void>(name: string, args: Record<string, unknown>): Promise<T> {
    this.#child ??= this.#start();
    const line = `${JSON.stringify({ call: name, args })}\n`;
    return new Promise<T>((resolve, reject) => {
      const failed = ({ message }: Error) => reject(new Error(`rbd ${name} ${JSON.stringify(args)}: ${message}`));
      this.#waiting.push({ resolve: (value) => resolve(value as T), reject: failed });
      this.#child?.stdin?.write(line);
    });
  }

  /** Ends the process, after pending calls. */
  async close(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.stdin?.end();
    await once(child, 'exit');
  }

  #start(): ChildProcess {
    const env = { PATH: process.env.PATH, LANG: 'C.UTF-8' };
    const child = spawn(PYTHON, [SCRIPT, this.#conf], { env, stdio: ['pipe', 'pipe', 'pipe'] });
    createInterface({ input: child.stdout }).on('line', (line) => this.#answer(line));
    child.stderr.on('data', (chunk) => {
      this.#stderr += chunk;
    });
    // A dead process does not read; `close` reports the reason.
    child.stdin.on('error', () => {});
    child.on('error', (error) => this.#fail(error));
    child.on('close', (code, signal) => {
      if (this.#child === child) this.#child = undefined;
      this.#fail(new Error(`rbd-calls.py ended with ${code ?? signal}: ${this.#stderr}`));
    });
    return child;
  }

  #answer(line: string): void {
    const answer = JSON.parse(line) as { value: unknown } | { error: string };
    const waiting = this.#waiting.shift();
    if ('error' in answer) waiting?.reject(new Error(answer.error));
    else waiting?.resolve(answer.value);
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}
