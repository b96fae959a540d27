import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Lab } from '../labs/lab.ts';
import { BINARY, PATH_WITH_SBIN } from './process.ts';
import { Screen } from './screen.ts';

export interface TerminalOptions {
  columns: number;
  env?: Record<string, string>;
  /** A shell command line in which "$@" is the program with its words, e.g. `"$@" | cat`. */
  shell?: string;
}

/** The program on a terminal of its own. */
export class Terminal {
  /** The content of its screen. */
  readonly screen: Screen;
  /** All output so far, unprocessed. */
  output = '';
  readonly #child;
  #carry = '';

  constructor(lab: Lab, args: readonly string[], { columns, env = {}, shell = 'exec "$@"' }: TerminalOptions) {
    this.screen = new Screen(columns);
    const helper = fileURLToPath(new URL('on-terminal.py', import.meta.url));
    const words = [helper, String(columns), 'sh', '-c', shell, 'sh', BINARY, '-c', lab.path('backy.cfg'), ...args];
    this.#child = spawn('python3', words, {
      stdio: ['pipe', 'pipe', 'inherit'],
      cwd: lab.folder,
      env: { PATH: PATH_WITH_SBIN, LANG: 'C.UTF-8', HOME: lab.path('home'), TERM: 'xterm-256color', ...env },
    });
    this.#child.stdout.setEncoding('utf8');
    this.#child.stdout.on('data', (text: string) => this.#show(text));
    this.#child.stdin.on('error', () => {});
  }

  /** Resolves to the exit code, once the program has ended and all output is on the screen. */
  async ended(): Promise<number | null> {
    const [code] = (await once(this.#child, 'close')) as [number | null];
    return code;
  }

  /** Gives the terminal another width. */
  resize(columns: number): void {
    this.screen.resize(columns);
    this.#child.stdin.write(`${columns}\n`);
  }

  /** Closes the terminal, as if a window or a connection closed. */
  hangUp(): void {
    this.#child.kill('SIGKILL');
  }

  /** Types keys, for example Ctrl-C (`\x03`). */
  type(keys: string): void {
    this.#child.stdin.write(`hex ${Buffer.from(keys).toString('hex')}\n`);
  }

  /** Waits until the output matches. */
  async until(wanted: RegExp): Promise<void> {
    while (!wanted.test(this.output)) {
      if (this.#child.exitCode !== null) throw new Error(`it ended without ${wanted}: ${this.output}`);
      await once(this.#child.stdout, 'data');
    }
  }

  /** An escape sequence that the pipe has cut waits for its rest. */
  #show(text: string): void {
    this.output += text;
    const all = this.#carry + text;
    const cut = /\u001b(\[[0-9?;]*)?$/.exec(all)?.index ?? all.length;
    this.#carry = all.slice(cut);
    this.screen.write(all.slice(0, cut));
  }
}
