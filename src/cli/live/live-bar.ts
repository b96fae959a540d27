import { clearLine, moveCursor } from 'node:readline';
import { createLogUpdate } from 'log-update';
import stringWidth from 'string-width';
import type { Footer } from '../log/console-log.ts';
import { isForeground } from './foreground.ts';

/** After a pause of so long the process may have been stopped, and the shell may have written since. */
const PAUSE_MS = 600;
/** So long a line takes at most through a pipe, `tee` for instance, to the same terminal. */
const PIPE_MS = 100;

/** A line at the bottom of the terminal on stderr that is drawn anew in its place, however wide the terminal is. */
export class LiveBar implements Footer {
  readonly #text: (width: number) => string;
  readonly #stream = process.stderr;
  // The cursor stays: a process that is killed could not bring it back.
  readonly #update = createLogUpdate(this.#stream, { showCursor: true });
  /** Columns that are drawn. */
  #drawn = 0;
  #lookedMs = performance.now();
  #notBeforeMs = 0;
  #isClosed = false;

  /** @param text the line, at most so many columns wide. */
  constructor(text: (width: number) => string) {
    this.#text = text;
    this.#stream.on('resize', this.#onResize);
    // The terminal was closed. Stays: what was written may fail later.
    this.#stream.on('error', () => this.close());
    process.on('SIGCONT', this.#onContinue);
  }

  draw(): void {
    const now = performance.now();
    const wasPaused = now - this.#lookedMs > PAUSE_MS;
    this.#lookedMs = now;
    if (now < this.#notBeforeMs) return;
    // SIGCONT, which tells it, is heard later in this turn of the event loop than timers are.
    if (wasPaused) setImmediate(() => this.#paint());
    else this.#paint();
  }

  clear(): void {
    if (this.#drawn === 0) return;
    this.#drawn = 0;
    // In the background the line above the cursor is the shell's.
    if (isForeground()) this.#update.clear();
    else this.#update.done();
  }

  giveWay(): void {
    this.clear();
    this.#notBeforeMs = performance.now() + PIPE_MS;
  }

  /** Leaves it on the screen as it is now; the next line comes below. */
  finish(): void {
    this.#paint();
    this.#drawn = 0;
    this.#update.done();
    this.close();
  }

  /** Takes it off the screen for good. */
  close(): void {
    this.clear();
    this.#isClosed = true;
    this.#stream.off('resize', this.#onResize);
    process.off('SIGCONT', this.#onContinue);
  }

  #paint(): void {
    if (this.#isClosed || !isForeground()) return;
    // Not the last column: some terminals wrap as soon as it is written. One that does not tell its width gets nothing.
    const line = this.#text(this.#stream.columns - 1);
    if (line === '') this.clear();
    else this.#update(line);
    this.#drawn = stringWidth(line);
  }

  /** A terminal that became narrower has broken the line in two or more; all of them go. */
  readonly #onResize = () => {
    const rows = Math.ceil(this.#drawn / Math.max(1, this.#stream.columns));
    this.clear();
    for (let row = 1; row < rows && breaksLines() && isForeground(); row++) {
      moveCursor(this.#stream, 0, -1);
      clearLine(this.#stream, 0);
    }
    this.draw();
  };

  /** The shell has written below since: what is above the cursor now is not the bar. */
  readonly #onContinue = () => {
    this.#drawn = 0;
    this.#update.done();
    this.draw();
  };
}

/** xterm, screen and the console cut lines instead: there, what is above is a line of the log. */
function breaksLines(): boolean {
  const { XTERM_VERSION, STY, TERM } = process.env;
  return XTERM_VERSION === undefined && STY === undefined && TERM !== 'linux';
}
