import { toSecondsText } from '../../model/dates.ts';
import { type Html, html } from '../output/html.ts';

const SIZE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

/** A size with three digits: `1.42 TiB`, `35.1 GiB`, `512 B`. */
export function sizeText(bytes: number): string {
  let [value, unit] = [bytes, 0];
  // 1023.7 would be shown as 1024.
  while (Math.abs(value) >= 999.5 && unit < SIZE_UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${SIZE_UNITS[unit]}`;
}

const TIME_UNITS: readonly [name: string, seconds: number][] = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
  ['s', 1],
];

/** A duration in one or two units: `45 s`, `12 min`, `3 h 20 min`, `5 d`. */
export function durationText(seconds: number): string {
  const rounded = Math.round(seconds);
  const index = TIME_UNITS.findIndex(([, unit]) => rounded >= unit);
  const [name, unit] = TIME_UNITS[index] ?? ['s', 1];
  const whole = Math.floor(rounded / unit);
  const smaller = TIME_UNITS[index + 1];
  const rest = index < 0 || smaller === undefined ? 0 : Math.floor((rounded % unit) / smaller[1]);
  // From ten of a unit on, the smaller one tells nothing.
  return rest === 0 || whole >= 10 || smaller === undefined ? `${whole} ${name}` : `${whole} ${name} ${rest} ${smaller[0]}`;
}

/** `YYYY-MM-DD HH:MM`, UTC. */
export function minuteText(date: Date): string {
  return Number.isNaN(date.getTime()) ? 'invalid date' : toSecondsText(date).slice(0, 16);
}

/** `YYYY-MM-DD`, UTC. */
export function dayText(date: Date): string {
  return minuteText(date).slice(0, 10);
}

/** A number with its noun: `1 name`, `12,000 names`. */
export function countText(count: number, noun: string): string {
  return `${numberText(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** A whole number in groups of three digits. */
export function numberText(value: number): string {
  return value.toLocaleString('en-US');
}

/** Time from one moment to another, in words: `3 h ago`, `in 2 d`. */
export function distanceText(date: Date, now: Date): string {
  const seconds = (date.getTime() - now.getTime()) / 1000;
  if (Number.isNaN(seconds)) return '';
  if (Math.abs(seconds) < 1) return 'now';
  const text = durationText(Math.abs(seconds));
  return seconds > 0 ? `in ${text}` : `${text} ago`;
}

/** A moment, and how far it is from now in small letters below. */
export function timeCell(date: Date | null, now: Date): Html {
  if (date === null) return html`<td>–</td>`;
  return html`<td>${minuteText(date)} <small>${distanceText(date, now)}</small></td>`;
}
