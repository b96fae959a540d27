import type { Progress } from '../core/progress.ts';
import type { Logger } from '../logger.ts';
import { paceOf } from './pace.ts';
import { isFinished, type StatusSubject, statusText } from './render/status-text.ts';

const EVERY_MS = 1_000;
/** A line in the log at every half percent, at most one a second. */
const LOG_STEP = 0.005;

/** Turns progress into log lines and the process title, once a second at most. */
export class Status {
  readonly #logger: Logger;
  readonly #processName: string;
  #subject: StatusSubject | undefined;
  #phase: Progress['phase'] | undefined;
  #phaseMs = 0;
  #shownMs = 0;
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
    const now = performance.now();
    if (progress.phase !== this.#phase) {
      this.#phase = progress.phase;
      this.#phaseMs = now;
      this.#loggedShare = 0;
    }
    const isLast = isFinished(progress);
    if ((now - this.#shownMs < EVERY_MS && !isLast) || this.#subject === undefined) return;
    this.#shownMs = now;
    const text = statusText(this.#subject, progress, paceOf(progress, (now - this.#phaseMs) / 1000));
    process.title = `${this.#processName} [${text}]`;
    const share = isLast ? 1 : progress.doneBlocks / Math.max(1, progress.totalBlocks);
    if (share - this.#loggedShare < LOG_STEP) return;
    this.#loggedShare = share;
    this.#logger.info(text);
  }
}
