import { INHERITED, type Ini, type IniSection } from './ini.ts';
import { nearest } from './nearest.ts';
import { isScheduler } from './schedulers.ts';
import { knownOptions, SCHEDULER, SCHEMA } from './schema.ts';

/**
 * A warning for each unknown section and option, in the order of the config (docs/spec/formats.md
 * §7).
 */
export function unreadWarnings(ini: Ini): string[] {
  const referenced = referencedOptions(ini);
  return [...ini.sections].flatMap(([name, section]) => {
    if (name === INHERITED) return optionWarnings(name, section, { known: knownAnywhere(), referenced });
    if (Object.hasOwn(SCHEMA, name) || isScheduler(ini, name)) {
      return optionWarnings(name, section, { known: knownOptions(name), referenced });
    }
    const known = nearest(name, Object.keys(SCHEMA));
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

/** The names of options in [DEFAULT], which every section inherits. */
function knownAnywhere(): string[] {
  return [...Object.keys(SCHEMA).flatMap(knownOptions), ...Object.keys(SCHEDULER)];
}

/** Options that a value refers to by `%(name)s`. */
function referencedOptions(ini: Ini): Set<string> {
  const values = [...ini.sections.values()].flatMap((section) => [...section.options.values()]);
  const references = values.flatMap((value) => [...value.text.matchAll(/%\(([^)]+)\)s/g)]);
  return new Set(references.map(([, name = '']) => name.toLowerCase()));
}
