import type { Progress } from '../../core/progress.ts';
import type { ConsoleLog } from '../log/console-log.ts';
import { printable } from '../output/printable.ts';
import { allowsBar } from '../output/terminal.ts';
import { setFooter } from '../output/write-out.ts';
import type { LiveBar } from './live-bar.ts';
import { paceOf } from './pace.ts';
import { ProcessTitle } from './process-title.ts';
import type { ProgressView } from './progress-line.ts';
import { isFinished, type StatusSubject, statusText } from './status-text.ts';

const EVERY_MS = 1_000;
/** How often to check for a due status line, and to redraw the live line. */
const LOOK_EVERY_MS = 200;
/** The log gets a line every half percent, at most one a second. */
const LOG_STEP = 0.005;

/** Shows progress: in process title and log at most once a second, and live on a terminal. */
export class Status {
  readonly #log: ConsoleLog;
  readonly #title: ProcessTitle;
  readonly #startMs = performance.now();
  readonly #isLive: boolean;
  #subject: StatusSubject | undefined;
  #progress: Progress | undefined;
  #phase: Progress['phase'] | undefined;
  #watchedMs = 0;
  #phaseMs = 0;
  #shownMs = 0;
  /** Progress at the phase's last log line, from 0 to 1; negative before the first. */
  #loggedShare = -1;
  #bar: LiveBar | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** @param isQuiet leaves out the live line of a terminal. */
  constructor(log: ConsoleLog, { processName, isQuiet }: { processName: string; isQuiet: boolean }) {
    this.#log = log;
    this.#isLive = !isQuiet && allowsBar();
    this.#title = new ProcessTitle(processName);
  }

  /** Sets the subject of the following progress. */
  watch({ operation, what }: StatusSubject): void {
    this.#subject = { operation, what: printable(what) };
    this.#timer ??= setInterval(() => this.#look(), LOOK_EVERY_MS).unref();
    this.#watchedMs = performance.now();
    if (this.#isLive) void this.#openBar();
  }

  /** Takes a progress. Cheap unless a status line is due. */
  update(progress: Progress): void {
    this.#progress = progress;
    if (progress.phase !== this.#phase) this.#begin(progress.phase);
    if (isFinished(progress)) this.#showLast();
    // Timers cannot fire while the database works.
    else if (performance.now() - this.#shownMs >= EVERY_MS) this.#look();
  }

  /** Logs the status at once, as an answer to SIGUSR1. */
  tell(): void {
    const seconds = Math.floor((performance.now() - this.#startMs) / 1000);
    this.#log.answer(this.#text() ?? `No blocks are moving (${seconds}s since the start).`);
  }

  /** Ends the status and removes the live line. */
  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    setFooter(undefined);
    this.#bar?.close();
    this.#bar = undefined;
  }

  #begin(phase: Progress['phase']): void {
    this.#phase = phase;
    this.#phaseMs = performance.now();
    this.#shownMs = this.#phaseMs;
    this.#loggedShare = -1;
    this.#showTitle();
  }

  #look(): void {
    this.#showIfDue();
    this.#bar?.draw();
  }

  #showIfDue(): void {
    const now = performance.now();
    if (now - this.#shownMs < EVERY_MS) return;
    this.#shownMs = now;
    this.#showTitle();
    const share = this.#share();
    // The first line is a sign of life, even at 0.0%.
    const isFirst = this.#loggedShare < 0 && this.#view()?.pace.etaSeconds !== undefined;
    if (!isFirst && (this.#loggedShare < 0 || share - this.#loggedShare < LOG_STEP)) return;
    this.#loggedShare = share;
    this.#logLine();
  }

  #showLast(): void {
    if (this.#loggedShare >= 1) return;
    this.#loggedShare = 1;
    this.#showTitle();
    this.#logLine();
    this.#finishBar();
  }

  /** Skips the console if the bar shows the same on its terminal. */
  #logLine(): void {
    const text = this.#text() ?? '';
    if (this.#isLive && this.#log.isOnTerminal) this.#log.fileOnly(text);
    else this.#log.info(text);
  }

  #finishBar(): void {
    const bar = this.#bar;
    this.#bar = undefined;
    bar?.finish();
    setFooter(undefined);
  }

  #showTitle(): void {
    const what = this.#subject?.what;
    if (what !== undefined) this.#title.show(what, (shown) => this.#text(shown) ?? '');
  }

  #share(): number {
    const { doneBlocks = 0, totalBlocks = 0 } = this.#progress ?? {};
    return totalBlocks === 0 ? 1 : doneBlocks / totalBlocks;
  }

  /** The status line, with `what` instead of the subject's text. */
  #text(what?: string): string | undefined {
    const view = this.#view();
    if (view === undefined) return undefined;
    const { subject, progress, pace } = view;
    return statusText(what === undefined ? subject : { ...subject, what }, progress, pace);
  }

  /** Undefined before the first progress. */
  #view(): Omit<ProgressView, 'seconds' | 'width'> | undefined {
    const [subject, progress] = [this.#subject, this.#progress];
    if (subject === undefined || progress === undefined) return undefined;
    return { subject, progress, pace: paceOf(progress, (performance.now() - this.#phaseMs) / 1000) };
  }

  /** Loads the bar's modules only on a terminal. */
  async #openBar(): Promise<void> {
    const [{ LiveBar }, { progressLine }] = await Promise.all([import('./live-bar.ts'), import('./progress-line.ts')]);
    if (this.#isClosed) return;
    this.#bar = new LiveBar((width) => {
      const view = this.#view();
      return view === undefined ? '' : progressLine({ ...view, seconds: (performance.now() - this.#watchedMs) / 1000, width });
    });
    setFooter(this.#bar);
    if (this.#progress !== undefined && isFinished(this.#progress)) this.#finishBar();
  }
}
