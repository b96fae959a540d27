import { clearLine, moveCursor } from 'node:readline';
import { createLogUpdate } from 'log-update';
import stringWidth from 'string-width';
import { type Footer, isStderrFull, writeFooter } from '../output/write-out.ts';
import { isForeground } from './foreground.ts';

/** After a longer pause, the process may have been stopped and the shell may have printed. */
const PAUSE_MS = 600;
/** The longest time that a line takes through a pipe, `tee` for instance, to the same terminal. */
const PIPE_MS = 100;

/**
 * The terminal on stderr. Writes to Node's own stream would block this thread while the user has
 * stopped the terminal with Ctrl-S.
 */
const screen = {
  isTTY: true,
  get columns() {
    return process.stderr.columns;
  },
  get rows() {
    return process.stderr.rows;
  },
  write(text: string): boolean {
    writeFooter(text);
    return true;
  },
};

/** A line at the bottom of the terminal on stderr. It is redrawn in place, at any width. */
export class LiveBar implements Footer {
  readonly #text: (width: number) => string;
  // The cursor stays visible: a killed process could not restore it.
  readonly #update = createLogUpdate(screen as NodeJS.WriteStream, { showCursor: true });
  /** Columns on the screen. */
  #drawn = 0;
  #lookedMs = performance.now();
  #notBeforeMs = 0;
  #isClosed = false;

  /** @param text returns the line, at most `width` columns wide. */
  constructor(text: (width: number) => string) {
    this.#text = text;
    process.stderr.on('resize', this.#onResize);
    // The terminal was closed: Node can't ask for its size.
    process.stderr.on('error', () => this.close());
    process.on('SIGCONT', this.#onContinue);
  }

  draw(): void {
    const now = performance.now();
    const wasPaused = now - this.#lookedMs > PAUSE_MS;
    this.#lookedMs = now;
    if (now < this.#notBeforeMs || isStderrFull()) return;
    // SIGCONT is handled later in this turn of the event loop than timers.
    if (wasPaused) setImmediate(() => this.#paint());
    else this.#paint();
  }

  clear(): void {
    if (this.#drawn === 0) return;
    this.#drawn = 0;
    // In the background, the line above the cursor belongs to the shell.
    if (isForeground()) this.#update.clear();
    else this.#update.done();
  }

  giveWay(): void {
    this.clear();
    this.#notBeforeMs = performance.now() + PIPE_MS;
  }

  /** Leaves the current line on the screen; the next line goes below it. */
  finish(): void {
    this.#paint();
    this.#drawn = 0;
    this.#update.done();
    this.close();
  }

  /** Removes it for good. */
  close(): void {
    this.clear();
    this.#isClosed = true;
    process.stderr.off('resize', this.#onResize);
    process.off('SIGCONT', this.#onContinue);
  }

  #paint(): void {
    if (this.#isClosed || !isForeground()) return;
    // The last column stays free: some terminals wrap at once. A terminal of unknown width gets
    // nothing.
    const line = this.#text(screen.columns - 1);
    if (line === '') this.clear();
    else this.#update(line);
    this.#drawn = stringWidth(line);
  }

  /** A narrower terminal has wrapped the line into several; removes all of them. */
  readonly #onResize = () => {
    const rows = Math.ceil(this.#drawn / Math.max(1, screen.columns));
    this.clear();
    for (let row = 1; row < rows && breaksLines() && isForeground(); row++) {
      moveCursor(screen as NodeJS.WriteStream, 0, -1);
      clearLine(screen as NodeJS.WriteStream, 0);
    }
    this.draw();
  };

  /** The shell has printed meanwhile: the line above the cursor is not the bar. */
  readonly #onContinue = () => {
    this.#drawn = 0;
    this.#update.done();
    this.draw();
  };
}

/** False for xterm, screen and the console, which cut lines: there, a log line is above the bar. */
function breaksLines(): boolean {
  const { XTERM_VERSION, STY, TERM } = process.env;
  return XTERM_VERSION === undefined && STY === undefined && TERM !== 'linux';
}
