import { INHERITED, type Ini, type IniSection } from './ini.ts';
import { nearest } from './nearest.ts';
import { isScheduler } from './schedulers.ts';
import { knownOptions, SCHEDULER, SCHEMA } from './schema.ts';

/** One warning for every section and option that nothing reads, in the order of the config: most of them are misspelt (formats.md §7). */
export function unreadWarnings(ini: Ini): string[] {
  const referenced = referencedOptions(ini);
  return [...ini.sections].flatMap(([name, section]) => {
    if (name === INHERITED) return optionWarnings(name, section, { known: knownAnywhere(), referenced });
    if (Object.hasOwn(SCHEMA, name) || isScheduler(ini, name)) {
      return optionWarnings(name, section, { known: knownOptions(name), referenced });
    }
    const known = nearest(name, Object.keys(SCHEMA));
    return [
      `${section.file}: nothing reads section [${name}], which is no scheduler either; the nearest known section is [${known}].`,
    ];
  });
}

function optionWarnings(name: string, section: IniSection, read: { known: string[]; referenced: Set<string> }): string[] {
  const unread = [...section.options].filter(([option]) => !read.known.includes(option) && !read.referenced.has(option));
  return unread.map(([option, value]) => {
    const known = nearest(option, read.known);
    return `${value.file}: [${name}] ${option}: nothing reads this option; the nearest known one is ${known}.`;
  });
}

/** What a [DEFAULT] option may be called: every section inherits it. */
function knownAnywhere(): string[] {
  return [...Object.keys(SCHEMA).flatMap(knownOptions), ...Object.keys(SCHEDULER)];
}

/** Options that some value takes in with `%(name)s`. */
function referencedOptions(ini: Ini): Set<string> {
  const values = [...ini.sections.values()].flatMap((section) => [...section.options.values()]);
  const references = values.flatMap((value) => [...value.text.matchAll(/%\(([^)]+)\)s/g)]);
  return new Set(references.map(([, name = '']) => name.toLowerCase()));
}
