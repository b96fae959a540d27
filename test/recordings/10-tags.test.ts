import { sqlDate } from './dates.ts';
import { image } from './image.ts';
import type { Call } from './recording.ts';
import { replay } from './replay.ts';

const DAY_MS = 24 * 3600 * 1000;
/** The recorder counted days around a month's end on a day whose previous month had 31. */
const DAYS_OF_RECORDED_MONTH = 31;

let hasAge = false;

replay({
  recording: '10-tags',
  setup(world) {
    world.write('a', image(['a', 'b', 'c'], { sizeBytes: 9000 }));
  },
  async beforeStep(world, step) {
    if (hasAge || step.kind !== 'sql' || !step.sql.startsWith('update versions set date')) return;
    hasAge = true;
    await world.backup('file://a', 'age');
  },
  param: (_recorded, before) => sqlDate(daysAgo(ageInDays(before))),
});

/** The note of a call tells the age of the versions for it. */
function ageInDays({ note }: Call): number {
  const days = /is (\d+) days old/.exec(note ?? '')?.[1];
  if (days === undefined) throw new Error(`no age in the note: ${note}`);
  return Number(days);
}

/**
 * Ages near a month keep their distance to a calendar month, since that decides about b_monthly.
 */
function daysAgo(days: number): number {
  const isNearMonth = days > 20 && days < 40;
  return isNearMonth ? monthAgo() + (DAYS_OF_RECORDED_MONTH - days) * DAY_MS : Date.now() - days * DAY_MS;
}

function monthAgo(): number {
  const now = new Date();
  const then = new Date(now);
  then.setUTCMonth(now.getUTCMonth() - 1);
  // The 31st of a month that follows a shorter one: take the last day of the shorter one.
  if (then.getUTCDate() !== now.getUTCDate()) then.setUTCDate(0);
  return then.getTime();
}
