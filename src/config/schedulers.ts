import { BackyError } from '../errors.ts';
import type { Scheduler } from '../model/scheduler.ts';
import type { BrokenSection } from './config.ts';
import { INHERITED, type Ini } from './ini.ts';
import type { Kind } from './kinds.ts';
import { isJob, JOB, RUN_SECTION, SCHEDULER, SCHEMA, type SectionName } from './schema.ts';
import { readOption } from './section.ts';
import { type OptionPlace, optionError, rawValue } from './values.ts';

/**
 * Reads all schedulers, in the order of the config. Returns wrong ones apart: backups must not
 * fail.
 */
export function readSchedulers(ini: Ini): { schedulers: Scheduler[]; brokenSchedulers: BrokenSection[] } {
  const schedulers: Scheduler[] = [];
  const brokenSchedulers: BrokenSection[] = [];
  for (const name of ini.sections.keys()) {
    if (!isScheduler(ini, name)) continue;
    const problems: string[] = [];
    const noted = <T>(read: () => T, otherwise: T): T => {
      try {
        return read();
      } catch (error) {
        if (!(error instanceof BackyError)) throw error;
        problems.push(error.message);
        return otherwise;
      }
    };
    const read = (option: 'interval' | 'keep' | 'sla'): number =>
      noted(() => readRequired(ini, { section: name, option }, SCHEDULER[option]), 0);
    const scheduler = {
      ...{ name, intervalSeconds: read('interval'), keep: read('keep'), slaSeconds: read('sla') },
      names: noted(() => readOption(ini, { section: name, option: 'names' }, SCHEDULER.names), undefined),
    };
    if (problems.length === 0) schedulers.push(scheduler);
    else brokenSchedulers.push({ name, problem: problems.join(' ') });
  }
  return { schedulers, brokenSchedulers };
}

/**
 * Whether a section is a scheduler, possibly a broken one: it has at least one option of a
 * scheduler. So is `[run]`, if it has none of its own options: there may have been a scheduler of
 * that name before.
 */
export function isScheduler(ini: Ini, section: string): boolean {
  if (section === INHERITED || isJob(section)) return false;
  if (section === RUN_SECTION) {
    const written = ini.sections.get(section)?.options;
    if (Object.keys(SCHEMA.run).some((option) => written?.has(option))) return false;
  } else if (Object.hasOwn(SCHEMA, section)) return false;
  return Object.keys(SCHEDULER).some((option) => rawValue(ini, section, option) !== undefined);
}

/** The names of the options that a section may have; undefined: nothing reads the section. */
export function knownOptions(ini: Ini, section: string): string[] | undefined {
  if (isJob(section)) return Object.keys(JOB);
  if (isScheduler(ini, section)) return Object.keys(SCHEDULER);
  return Object.hasOwn(SCHEMA, section) ? Object.keys(SCHEMA[section as SectionName]) : undefined;
}

function readRequired<T>(ini: Ini, place: OptionPlace, kind: Kind<T>): T {
  const value = readOption(ini, place, kind);
  if (value === undefined) throw optionError(ini, { ...place, problem: `is missing; it must be ${kind.allowed}.` });
  return value;
}
