/** All recordings were made on this day (UTC). */
const RECORDED_DAY = '2026-11-23';

const DATE = /\b\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(\.\d{6})?/g;
/** Replaces run-time dates. It has their width, so that table columns stay. */
const WHEN_RUN = 'DDDD-DD-DD DD:DD:DD';
const WHEN_RUN_FRACTION = '.DDDDDD';

/**
 * A recorded text with its run-time dates made equal to those of {@link actualDates}; other dates
 * stay.
 */
export function recordedDates(text: string): string {
  return text.replaceAll(DATE, (date, fraction?: string) => (date.startsWith(RECORDED_DAY) ? whenRun(fraction) : date));
}

/** This run's text with its run-time dates hidden: those between `sinceMs` and now, as UTC. */
export function actualDates(text: string, sinceMs: number): string {
  return text.replaceAll(DATE, (date, fraction?: string) => {
    const ms = Date.parse(`${date.slice(0, 19).replace(' ', 'T')}Z`);
    // Whole seconds are cut, so that the run's first second begins up to one second early.
    return ms > sinceMs - 1000 && ms <= Date.now() ? whenRun(fraction) : date;
  });
}

/** The time of a call: that of its last log line, to the millisecond. */
export function recordedTime({ logfile }: { logfile: string | null }): Date {
  const [, date, time, ms] = /^(\S+) (\S+),(\d{3}) .*\n*$/.exec(logfile?.trimEnd().split('\n').at(-1) ?? '') ?? [];
  if (date === undefined) throw new Error('the call logged nothing');
  return new Date(`${date}T${time}.${ms}Z`);
}

/** Turns the run-time dates of recorded input into now. */
export function inputDates(text: string, nowMs: number): string {
  return text.replaceAll(DATE, (date) => (date.startsWith(RECORDED_DAY) ? sqlDate(nowMs).slice(0, 19) : date));
}

/** A date in the form of the databases (docs/spec/formats.md §2): six digits of fraction. */
export function sqlDate(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 23).replace('T', ' ')}000`;
}

function whenRun(fraction: string | undefined): string {
  return fraction === undefined ? WHEN_RUN : WHEN_RUN + WHEN_RUN_FRACTION;
}
