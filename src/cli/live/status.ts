import type { Progress } from '../../core/blocks/progress.ts';
import { type ConsoleLog, setFooter } from '../log/console-log.ts';
import { printable } from '../output/printable.ts';
import { allowsBar, isTerminal } from '../output/terminal.ts';
import type { LiveBar } from './live-bar.ts';
import { type Pace, paceOf } from './pace.ts';
import { ProcessTitle } from './process-title.ts';
import { isFinished, type StatusSubject, statusText } from './status-text.ts';

const EVERY_MS = 1_000;
/** So often it is looked whether a second is over, and a live line is drawn anew. */
const LOOK_EVERY_MS = 200;
/** A line in the log at every half percent, at most one a second. */
const LOG_STEP = 0.005;

/** Shows where an operation is: in the process title and the log once a second at most, and live on a terminal. */
export class Status {
  readonly #log: ConsoleLog;
  readonly #title: ProcessTitle;
  readonly #startMs = performance.now();
  readonly #isLive = allowsBar();
  #subject: StatusSubject | undefined;
  #progress: Progress | undefined;
  #phase: Progress['phase'] | undefined;
  #watchedMs = 0;
  #phaseMs = 0;
  #shownMs = 0;
  /** The share of blocks at the phase's last line in the log; below zero before the first. */
  #loggedShare = -1;
  #bar: LiveBar | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(log: ConsoleLog, processName: string) {
    this.#log = log;
    this.#title = new ProcessTitle(processName);
  }

  /** Names what the following progress is about. */
  watch({ operation, what }: StatusSubject): void {
    this.#subject = { operation, what: printable(what) };
    this.#timer ??= setInterval(() => this.#look(), LOOK_EVERY_MS).unref();
    this.#watchedMs = performance.now();
    if (this.#isLive) void this.#openBar();
  }

  /** Cheap, unless a second has gone by or all is finished. */
  update(progress: Progress): void {
    this.#progress = progress;
    if (progress.phase !== this.#phase) this.#begin(progress.phase);
    if (isFinished(progress)) this.#showLast();
    // Timers can't fire while the database works.
    else if (performance.now() - this.#shownMs >= EVERY_MS) this.#look();
  }

  /** Says at once where things are, for whoever sent SIGUSR1. */
  tell(): void {
    const seconds = Math.floor((performance.now() - this.#startMs) / 1000);
    this.#log.answer(this.#text() ?? `No blocks are moving (${seconds}s since the start).`);
  }

  /** No more of it, and nothing of it stays on the screen. */
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
    // The first line is a sign of life, however little is done by then.
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

  /** Where the bar shows it on the same terminal, the console needs no lines. */
  #logLine(): void {
    const text = this.#text() ?? '';
    if (this.#isLive && isTerminal(1)) this.#log.fileOnly(text);
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

  /** The status line, with `what` in place of the subject's own words. */
  #text(what?: string): string | undefined {
    const view = this.#view();
    if (view === undefined) return undefined;
    const { subject, progress, pace } = view;
    return statusText(what === undefined ? subject : { ...subject, what }, progress, pace);
  }

  /** All that a line is made of; undefined before anything has begun. */
  #view(): { subject: StatusSubject; progress: Progress; pace: Pace } | undefined {
    const [subject, progress] = [this.#subject, this.#progress];
    if (subject === undefined || progress === undefined) return undefined;
    return { subject, progress, pace: paceOf(progress, (performance.now() - this.#phaseMs) / 1000) };
  }

  /** Loaded only for who sees it. */
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
