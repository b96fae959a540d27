import { BackyError } from '../errors.ts';
import { INHERITED, type Ini, type IniSection } from './ini.ts';
import { nearest } from './nearest.ts';
import { isScheduler, knownOptions } from './schedulers.ts';
import { JOB_PREFIX, knownAnywhere, RUN_SECTION, SCHEMA } from './schema.ts';

/**
 * Refuses a section of ours in the wrong case, such as `[defaults]`. To ignore it would mean
 * another store; `[run]` means none. @throws BackyError `config` that names its line.
 */
export function refuseWrongCase(ini: Ini): void {
  for (const [name, { file, line }] of ini.sections) {
    const ours = [...Object.keys(SCHEMA), INHERITED].find((known) => known.toLowerCase() === name.toLowerCase());
    if (ours === undefined || ours === name || ours === RUN_SECTION || isScheduler(ini, name)) continue;
    throw new BackyError('config', `${file}:${line}: section [${name}] must be written [${ours}].`, {
      hint: 'Names of sections are case-sensitive. Nothing was done.',
    });
  }
}

/**
 * A warning for each unknown section and option, in the order of the config (docs/spec/formats.md
 * §7).
 */
export function unreadWarnings(ini: Ini): string[] {
  const referenced = referencedOptions(ini);
  return [...ini.sections].flatMap(([name, section]) => {
    const options = name === INHERITED ? knownAnywhere() : knownOptions(ini, name);
    if (options !== undefined) return optionWarnings(name, section, { known: options, referenced });
    const [, key] = /^job\W*(\w.*)$/i.exec(name) ?? [];
    const known = nearest(name, [...Object.keys(SCHEMA), ...(key === undefined ? [] : [`${JOB_PREFIX}${key}`])]);
    return [`${section.file}: section [${name}] is unknown and ignored; the nearest known section is [${known}].`];
  });
}

/** Names of options that raise no warning. */
interface KnownNames {
  known: string[];
  /** By {@link referencedOptions}. */
  referenced: Set<string>;
}

function optionWarnings(name: string, section: IniSection, read: KnownNames): string[] {
  const unread = [...section.options].filter(([option]) => !read.known.includes(option) && !read.referenced.has(option));
  return unread.map(([option, value]) => {
    const known = nearest(option, read.known);
    return `${value.file}: [${name}] ${option}: this option is unknown and ignored; the nearest known one is ${known}.`;
  });
}

/** Options that a value refers to by `%(name)s`. */
function referencedOptions(ini: Ini): Set<string> {
  const values = [...ini.sections.values()].flatMap((section) => [...section.options.values()]);
  const references = values.flatMap((value) => [...value.text.matchAll(/%\(([^)]+)\)s/g)]);
  return new Set(references.map(([, name = '']) => name.toLowerCase()));
}
