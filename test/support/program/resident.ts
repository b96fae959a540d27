import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { countCall, countHostSeconds } from '../runner/costs/spent.ts';
import { permitStart } from '../runner/costs/starts.ts';
import { endHanging } from './end-hanging.ts';
import type { Call, CallEnd } from './host.mjs';
import type { Result } from './process.ts';

const HOST = fileURLToPath(new URL('host.mjs', import.meta.url));
const PROGRAM = fileURLToPath(new URL('../../../dist/run-program.js', import.meta.url));

/** A call of the program in a process that stays for the next one. */
export interface ResidentCall extends Omit<Call, 'end'> {
  /** Longer than that is a hang: the host is killed and the call rejects. */
  timeoutMs: number;
}

/**
 * Hosts of a program. Each of several simultaneous calls has a host of its own, so that they are
 * separate processes.
 */
export class HostPool {
  readonly #program: string;
  readonly #idle: Host[] = [];

  /** @param program a module that exports `runProgram` (src/cli/main.ts). */
  constructor(program: string) {
    this.#program = program;
  }

  /**
   * Runs the program to its end in a host (host.mjs). Rejects if it hangs, or leaves anything open:
   * a file, a socket, a timer, a listener. A lock is an open file.
   */
  async run(call: ResidentCall): Promise<Result> {
    const host = this.#idle.pop() ?? (await Host.start(this.#program));
    const { result, left } = await host.run(call);
    if (left.length === 0 && host.isUsable) this.#idle.push(host);
    else host.end();
    if (left.length === 0) return result;
    const output = result.stdout + result.stderr;
    throw new Error(`backy2 ${call.argv.join(' ')} left open in its process: ${left.join(', ')}\n${output}`);
  }
}

const pool = new HostPool(PROGRAM);

/** Runs the built program in a host. */
export function runResident(call: ResidentCall): Promise<Result> {
  countCall();
  return pool.run(call);
}

/** The end of a call: its own, or that of its process. */
type Answer = { callEnd: CallEnd } | { exit: { code: number | null; signal: NodeJS.Signals | null } };

class Host {
  readonly #child: ChildProcess;
  readonly #out = new Capture();
  readonly #err = new Capture();
  readonly #closed: Promise<Answer>;
  #cpuSeconds = 0;
  /** The exit code or signal that ended it. */
  #end: string | undefined;
  /** Whether it can take another call. */
  isUsable = true;

  static async start(program: string): Promise<Host> {
    const host = new Host(program);
    const answer = await host.#answer();
    if ('exit' in answer) throw new Error(`the host of ${program} did not start:\n${host.#err.text}`);
    return host;
  }

  private constructor(program: string) {
    // Matches the launcher of the program.
    const env = { PATH: process.env.PATH ?? '', UV_THREADPOOL_SIZE: '32' };
    this.#child = permitStart(() => spawn(process.execPath, [HOST, program], { env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] }));
    this.#child.stdout?.on('data', (chunk: Buffer) => this.#out.add(chunk));
    this.#child.stderr?.on('data', (chunk: Buffer) => this.#err.add(chunk));
    this.#closed = new Promise((resolve) => {
      this.#child.on('close', (code, signal) => {
        this.isUsable = false;
        this.#end = `${code ?? signal}`;
        // From now on the system counts it among the processes that have ended.
        countHostSeconds(-this.#cpuSeconds);
        resolve({ exit: { code, signal } });
      });
    });
    // The host ends with the test process, and does not keep it alive.
    this.#child.unref();
    this.#child.channel?.unref();
    for (const stream of [this.#child.stdout, this.#child.stderr]) (stream as unknown as { unref(): void }).unref();
  }

  /** Runs one call. A program that ends its process by itself ends the host. */
  async run({ timeoutMs, ...call }: ResidentCall): Promise<{ result: Result; left: string[] }> {
    const end = `\0end of ${randomUUID()}\0`;
    const texts = Promise.all([this.#out.until(end), this.#err.until(end)]);
    let timer: NodeJS.Timeout | undefined;
    let isLate = false;
    const hangs = new Promise<never>((_, reject) => {
      timer = setTimeout(async () => {
        isLate = true;
        const work = await endHanging(this.#child);
        const output = this.#out.text + this.#err.text;
        reject(new Error(`backy2 ${call.argv.join(' ')} hangs: no end after ${timeoutMs} ms. ${work}\n${output}`));
      }, timeoutMs);
    });
    // A host whose call ends during the status request is killed too: it takes no other call.
    const inTime = async <T>(event: Promise<T>): Promise<T> => {
      const outcome = await Promise.race([event, hangs]);
      return isLate ? hangs : outcome;
    };
    try {
      if (this.#end !== undefined) throw new Error(`the host has ended after its last call (${this.#end}):\n${this.#err.text}`);
      this.#child.send({ ...call, end } satisfies Call);
      const answer = await inTime(this.#answer());
      if ('exit' in answer) {
        this.isUsable = false;
        return { result: { ...answer.exit, stdout: this.#out.text, stderr: this.#err.text }, left: [] };
      }
      const [stdout, stderr] = await inTime(texts);
      const { code, left, cpuSeconds, isLarge } = answer.callEnd;
      countHostSeconds(cpuSeconds - this.#cpuSeconds);
      this.#cpuSeconds = cpuSeconds;
      this.isUsable = !isLarge;
      return { result: { code, signal: null, stdout, stderr }, left };
    } finally {
      clearTimeout(timer);
    }
  }

  end(): void {
    this.isUsable = false;
    this.#child.kill('SIGKILL');
  }

  async #answer(): Promise<Answer> {
    return Promise.race([this.#message().then((message) => ({ callEnd: message as CallEnd })), this.#closed]);
  }

  #message(): Promise<unknown> {
    return new Promise((resolve) => this.#child.once('message', resolve));
  }
}

/** The output of one stream of a host, call by call. */
class Capture {
  #chunks: Buffer[] = [];
  #wanted: { end: string; resolve(text: string): void } | undefined;

  /** The output of this call so far. */
  get text(): string {
    return Buffer.concat(this.#chunks).toString();
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    // The end of a call ends with a zero byte.
    if (this.#wanted === undefined || chunk.at(-1) !== 0) return;
    const { end, resolve } = this.#wanted;
    const text = this.text;
    if (!text.endsWith(end)) return;
    this.#wanted = undefined;
    this.#chunks = [];
    resolve(text.slice(0, -end.length));
  }

  /** The text before `end`, as soon as `end` has come. */
  until(end: string): Promise<string> {
    return new Promise((resolve) => {
      this.#wanted = { end, resolve };
    });
  }
}
