import type { Progress } from '../core/progress.ts';
import type { Logger } from '../logger.ts';
import { type StatusSubject, statusText } from './render/status-text.ts';

const EVERY_MS = 1_000;
/** A line in the log at every half percent, at most one a second. */
const LOG_STEP = 0.005;

/** Turns progress into log lines and the process title, once a second at most. */
export class Status {
  readonly #logger: Logger;
  readonly #processName: string;
  readonly #start = performance.now();
  #subject: StatusSubject | undefined;
  #latest: Progress | undefined;
  #shownAt = 0;
  #loggedShare = 0;

  constructor(logger: Logger, processName: string) {
    this.#logger = logger;
    this.#processName = processName;
    process.title = processName;
  }

  /** Names what the following progress is about. */
  watch(subject: StatusSubject): void {
    this.#subject = subject;
  }

  update(progress: Progress): void {
    this.#latest = progress;
    const now = performance.now();
    const complete = progress.doneBlocks >= progress.totalBlocks;
    if (now - this.#shownAt < EVERY_MS && !complete) return;
    this.#shownAt = now;
    const text = this.#text();
    if (text === undefined) return;
    process.title = `${this.#processName} [${text}]`;
    const share = progress.doneBlocks / Math.max(1, progress.totalBlocks);
    if (share - this.#loggedShare < LOG_STEP && !(complete && this.#loggedShare < 1)) return;
    this.#loggedShare = share;
    this.#logger.info(text);
  }

  #text(): string | undefined {
    if (this.#subject === undefined || this.#latest === undefined) return undefined;
    return statusText(this.#subject, this.#latest, (performance.now() - this.#start) / 1000);
  }
}
