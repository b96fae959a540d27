import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { BackyError, messageOf } from '../../errors.ts';
import { ignoresHangup, NUMBERS } from '../live/signals.ts';
import { packageFile } from '../words/package-file.ts';

/** How processes of this program are started. */
interface OwnOptions {
  /** For `-c`; empty: they look for their config files as this process did. */
  configFile: string;
  /** More global options. */
  options: readonly string[];
  /** Aborted when the user stops this process: they get the same signal. */
  signal: AbortSignal;
}

/** The end of a process of this program. */
export interface OwnResult {
  /** That of `--json`; undefined if it printed none. */
  document: unknown;
  /** As a shell shows it: 137 after SIGKILL. */
  exitCode: number;
  /** The process ended by itself, so that it could tidy up. */
  isOrderly: boolean;
  /** The texts of its ERROR lines, without `Backy failed.`. */
  errors: string[];
}

type SignalName = keyof typeof NUMBERS;

/** Characters of a process's output that are kept. */
const MOST_OUTPUT = 16 * 1024 * 1024;
const MOST_ERRORS = 64 * 1024;

/**
 * Runs command lines of this program as processes of their own, with `--json`. They go on if this
 * process dies. Signals that stop it reach them too, the first as well as later ones.
 */
export class OwnProcesses {
  readonly #options: OwnOptions;
  readonly #children = new Set<ChildProcess>();
  readonly #names: readonly SignalName[];
  readonly #onAbort = () => this.#passOn();
  readonly #onSignal = (name: NodeJS.Signals) => this.#signalAll(name);

  constructor(options: OwnOptions) {
    this.#options = options;
    this.#names = (Object.keys(NUMBERS) as SignalName[]).filter((name) => name !== 'SIGHUP' || !ignoresHangup());
    options.signal.addEventListener('abort', this.#onAbort);
  }

  /** Runs a command line to its end. Never rejects. */
  async run(...words: string[]): Promise<OwnResult> {
    const { configFile, options } = this.#options;
    const config = configFile === '' ? [] : ['-c', configFile];
    const child = spawn(packageFile('bin/backy2'), [...config, ...options, '--json', ...words], {
      stdio: ['ignore', 'pipe', 'pipe'],
      // A session of its own. Ctrl-C would reach it twice otherwise, and the second signal would
      // stop it at once.
      detached: true,
    });
    this.#children.add(child);
    const [output, complaints] = [textOf(child.stdout, MOST_OUTPUT), textOf(child.stderr, MOST_ERRORS)];
    try {
      const [code, killedBy] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
      return {
        document: parse(output()),
        exitCode: code ?? 128 + numberOf(killedBy),
        isOrderly: code !== null,
        errors: errorsIn(complaints()),
      };
    } catch (error) {
      return { document: undefined, exitCode: 100, isOrderly: true, errors: [`Cannot start backy2: ${messageOf(error)}`] };
    } finally {
      this.#children.delete(child);
    }
  }

  /** MUST be called at the end. */
  close(): void {
    this.#options.signal.removeEventListener('abort', this.#onAbort);
    for (const name of this.#names) process.off(name, this.#onSignal);
  }

  #passOn(): void {
    const { reason } = this.#options.signal;
    // Lost locks are theirs to notice.
    if (!(reason instanceof BackyError) || reason.code !== 'interrupted') return;
    const first = this.#names.find((name) => reason.exitCode === 128 + NUMBERS[name]);
    if (first !== undefined) this.#signalAll(first);
    for (const name of this.#names) process.on(name, this.#onSignal);
  }

  #signalAll(name: NodeJS.Signals): void {
    for (const child of this.#children) child.kill(name);
  }
}

/** Collects text. @returns a function that gives what has come. */
function textOf(stream: Readable, most: number): () => string {
  let text = '';
  stream.setEncoding('utf8').on('data', (piece: string) => {
    text = (text + piece).slice(0, most);
  });
  return () => text;
}

function parse(output: string): unknown {
  try {
    return JSON.parse(output);
  } catch {
    return undefined;
  }
}

function errorsIn(text: string): string[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.map((line) => line.replace(/^ *(ERROR: |error: )?/, '')).filter((line) => line !== 'Backy failed.');
}

function numberOf(signal: NodeJS.Signals | null): number {
  const known: Partial<Record<NodeJS.Signals, number>> = { ...NUMBERS, SIGABRT: 6, SIGBUS: 7, SIGKILL: 9, SIGSEGV: 11 };
  return known[signal ?? 'SIGKILL'] ?? 0;
}
