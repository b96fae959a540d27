/** A kind of option values. */
export interface Kind<T> {
  /** Completes `"…" is not ….` */
  allowed: string;
  /** Undefined if the text is not of this kind. */
  parse(text: string): T | undefined;
  /** All texts of this kind, if they are few. Errors suggest the nearest. */
  values?: readonly string[];
  /** Shows a wrong value in an error without its secrets. If absent, the value is quoted. */
  show?(text: string): string;
}

interface NumberLimits {
  min: number;
  max?: number;
  multipleOf?: number;
  /** In the plural. */
  unit?: string;
}

/** A whole number within limits. */
export function wholeNumber(limits: NumberLimits): Kind<number> {
  const { min, max = Number.MAX_SAFE_INTEGER, multipleOf = 1, unit } = limits;
  const words = ['a whole number', unit === undefined ? '' : ` of ${unit}`];
  words.push(limits.max === undefined ? `, ${min} or more` : ` from ${min} to ${max}`);
  if (multipleOf !== 1) words.push(` that is a multiple of ${multipleOf}`);
  return {
    allowed: words.join(''),
    parse: (text) => {
      const value = /^\+?\d+$/.test(text) ? Number(text) : Number.NaN;
      return value >= min && value <= max && value % multipleOf === 0 ? value : undefined;
    },
  };
}

/** A number from 0 to 100. */
export const percent: Kind<number> = {
  allowed: 'a number from 0 to 100',
  parse: (text) => (/^\d+(\.\d+)?$/.test(text) && Number(text) <= 100 ? Number(text) : undefined),
};

const BOOLEANS: Record<string, boolean> = {
  1: true,
  yes: true,
  true: true,
  on: true,
  0: false,
  no: false,
  false: false,
  off: false,
};

/** Permissions of files. The owner can always use them, and strangers never write. */
export const fileMode: Kind<number> = {
  allowed: 'an octal mode such as 0600, 0640 or 0660 (6 for the owner; 0, 4 or 6 for the group; 0 or 4 for others)',
  parse: (text) => (/^0?6[046][04]$/.test(text) ? Number.parseInt(text, 8) : undefined),
};

/** A boolean of Python's configparser. */
export const bool: Kind<boolean> = {
  allowed: 'one of 1, yes, true, on, 0, no, false, off',
  values: Object.keys(BOOLEANS),
  parse: (text) => own(BOOLEANS, text.toLowerCase()),
};

/**
 * Text on one line, possibly empty. A second line is likely the next option, indented by mistake.
 */
export const line: Kind<string> = {
  allowed: 'a single line (a line that is indented more than the one before continues its value)',
  parse: (text) => (text.includes('\n') ? undefined : text),
};

/** A path, kept as written. */
export const path: Kind<string> = {
  allowed: 'a path on a single line (a line that is indented more than the one before continues its value)',
  parse: (text) => (text === '' || text.includes('\n') ? undefined : text),
};

/**
 * Names, separated by commas or lines. One with a comma or quotes is quoted as in CSV. Not parsed
 * by csv-parse: loading that would slow each start.
 */
export const names: Kind<string[]> = {
  allowed: 'a comma separated list of names ("a,b" is one name, "" in it a quote)',
  parse: (text) => {
    const found: string[] = [];
    const entry = /[^\S\n]*(?:"((?:[^"]|"")*)"[^\S\n]*|([^",\n]*))(?:,|\n|$)/y;
    while (entry.lastIndex < text.length) {
      const match = entry.exec(text);
      if (match === null) return undefined;
      found.push(match[1]?.replaceAll('""', '"') ?? match[2]?.trim() ?? '');
    }
    return found.filter((name) => name !== '');
  },
};

const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86400 };
const LONGEST_DAYS = 36500;

/** A duration, in seconds. */
export const duration: Kind<number> = {
  allowed: `a number with s, m, h or d (such as 30m, 6h, 1d), at most ${LONGEST_DAYS}d`,
  parse: (text) => {
    const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text) ?? [];
    const seconds = Number(amount) * (own(SECONDS, unit) ?? Number.NaN);
    return seconds <= LONGEST_DAYS * 86400 ? seconds : undefined;
  },
};

/** A duration above 0, in seconds. */
export const positiveDuration: Kind<number> = {
  allowed: `${duration.allowed}, above 0`,
  parse: (text) => duration.parse(text) || undefined,
};

/** One of the keys of `meanings`. @param allowed replaces the list of keys in errors. */
export function oneOf<T>(meanings: Record<string, T>, allowed = `one of ${Object.keys(meanings).join(', ')}`): Kind<T> {
  return { allowed, values: Object.keys(meanings), parse: (text) => own(meanings, text) };
}

/** `record[key]`, without inherited keys such as `constructor`. */
function own<T>(record: Record<string, T>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
