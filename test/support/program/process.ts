import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { countCall } from '../runner/costs/spent.ts';
import { amount } from '../stores/amount.ts';
import { endHanging } from './end-hanging.ts';

/** The program under test: the one of this checkout, or an installed one. */
export const BINARY = process.env.BACKY2_BINARY ?? fileURLToPath(new URL('../../../bin/backy2', import.meta.url));

/** Longer than that is a hang, unless a test says otherwise. */
export const HANG_MS = amount({ files: 45_000, servers: 150_000 });

export interface Result {
  /** Null when a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface StartOptions {
  env?: Record<string, string> | undefined;
  stdin?: string | Buffer | undefined;
  cwd?: string | undefined;
  /** Longer than that is a hang: the process is killed and the call rejects. */
  timeoutMs?: number | undefined;
  /** Words before the program's own, e.g. setpriv and its options. */
  prefix?: readonly string[] | undefined;
}

/** A process that runs in the background. */
export class Running {
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #out: Buffer[] = [];
  readonly #err: Buffer[] = [];
  /**
   * Resolves when the process has ended and its output is read. Rejects if it could not be started,
   * or hangs.
   */
  readonly ended: Promise<Result>;
  hasEnded = false;

  constructor(command: readonly string[], { env, stdin, cwd, timeoutMs = HANG_MS }: StartOptions) {
    const [program = '', ...args] = command;
    if (command.includes(BINARY)) countCall();
    this.#name = command.join(' ');
    this.#child = spawn(program, args, { env, cwd, stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'] });
    this.#child.stdout?.on('data', (chunk: Buffer) => this.#out.push(chunk));
    this.#child.stderr?.on('data', (chunk: Buffer) => this.#err.push(chunk));
    this.ended = this.#waitForEnd(timeoutMs);
    // A caller that awaits it sees the rejection; nobody has to.
    this.ended.catch(() => {});
    // A program that fails early does not read its stdin.
    this.#child.stdin?.on('error', () => {});
    this.#child.stdin?.end(stdin);
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.#name} was not started`);
    return this.#child.pid;
  }

  /** Its output to stdout so far. */
  get stdout(): string {
    return Buffer.concat(this.#out).toString();
  }

  /** Its output to stderr so far. */
  get stderr(): string {
    return Buffer.concat(this.#err).toString();
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  #waitForEnd(timeoutMs: number): Promise<Result> {
    return new Promise((resolve, reject) => {
      let isLate = false;
      const timer = setTimeout(async () => {
        isLate = true;
        const work = await endHanging(this.#child);
        reject(new Error(`${this.#name} hangs: no end after ${timeoutMs} ms. ${work}\n${this.stdout}${this.stderr}`));
      }, timeoutMs);
      this.#child.on('error', (error) => {
        clearTimeout(timer);
        reject(error);
      });
      this.#child.on('close', (code, signal) => {
        clearTimeout(timer);
        this.hasEnded = true;
        if (!isLate) resolve({ code, signal, stdout: this.stdout, stderr: this.stderr });
      });
    });
  }
}

/** Runs a system tool to its end. @throws Error for any exit code but 0. */
export async function tool(...command: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Running(command, { env: { PATH: PATH_WITH_SBIN } }).ended;
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}: ${stdout}${stderr}`);
  return stdout;
}

/** mke2fs and losetup are not on an ordinary user's PATH. */
export const PATH_WITH_SBIN = `${process.env.PATH ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`;
