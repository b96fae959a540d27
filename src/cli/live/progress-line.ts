import stringWidth from 'string-width';
import type { Progress } from '../../core/progress.ts';
import { shorten } from '../output/shorten.ts';
import type { Pace } from './pace.ts';
import { duration, etaText, isFinished, percentText, type StatusSubject, speedText } from './status-text.ts';

const MOST_BAR = 50;
const LEAST_BAR = 8;
/** The least width of the bar beside a long name, if both fit. */
const FAIR_BAR = 18;
/** A shorter name would be useless. */
const LEAST_NAME = 8;
const BRACKETS = 2;
/** `ETA 59h59m`. */
const TIME = 10;

const LABELS = { backup: 'Backing up', restore: 'Restoring to', scrub: 'Scrubbing', repair: 'Repairing', migrate: 'Migrating' };

/** The content of the live line. */
export interface ProgressView {
  subject: StatusSubject;
  progress: Progress;
  pace: Pace;
  /** Since the start of the operation. */
  seconds: number;
  /** Columns. */
  width: number;
}

/**
 * The live line of a terminal, at most `width` columns wide: operation, name, percent, bar, speed
 * and time left; at the end, time taken. On a narrow terminal first the name goes, then the bar,
 * then the speed. Numbers keep their columns, so that nothing jumps.
 */
export function progressLine({ subject, progress, pace, seconds, width }: ProgressView): string {
  const percent = percentText(progress).padStart(6);
  const time = isFinished(progress) ? `in ${duration(seconds)}` : `ETA ${etaText(pace)}`;
  const numbers = `${`${speedText(pace)} MB/s`.padStart(11)}  ${time.padEnd(TIME)}`;
  const enough = `${percent} ${numbers}`;
  if (width < enough.length) return [`${percent}  ${time}`, percent].find((text) => text.length <= width) ?? '';
  const spare = width - enough.length - 1;
  if (spare < LEAST_BAR + BRACKETS) return enough.trimEnd();
  const label = labelOf(subject, progress, (bar) => spare - bar - BRACKETS - 1);
  const left = spare - BRACKETS - (label === '' ? 0 : stringWidth(label) + 1);
  const line = `${percent} ${bar(progress, Math.min(MOST_BAR, left))} ${numbers}`;
  return (label === '' ? line : `${label} ${line}`).trimEnd();
}

function labelOf({ operation, what }: StatusSubject, { phase }: Progress, besideBar: (columns: number) => number): string {
  const verb = phase === 'prepare' ? 'Preparing' : LABELS[operation];
  if (besideBar(LEAST_BAR) < verb.length) return '';
  const name = shorten(what, besideBar(FAIR_BAR) - verb.length - 1, stringWidth);
  return name === what || stringWidth(name) >= LEAST_NAME ? `${verb} ${name}`.trimEnd() : verb;
}

function bar({ doneBlocks, totalBlocks }: Progress, width: number): string {
  const filled = totalBlocks === 0 ? width : Math.floor((doneBlocks / totalBlocks) * width);
  const head = filled < width ? '>' : '';
  return `[${('='.repeat(filled) + head).padEnd(width)}]`;
}
