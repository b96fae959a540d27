/** A kind of value that an option may have. */
export interface Kind<T> {
  /** Completes `"…" is not ….` */
  allowed: string;
  /** Undefined: the text is not of this kind. */
  parse(text: string): T | undefined;
  /** All texts of this kind, where they are few: an error names the one that was likely meant. */
  values?: readonly string[];
  /** How an error names a wrong value; left out, it is quoted. Keeps passwords out of messages. */
  show?(text: string): string;
}

/** A whole number from `min` to `max`; with `multipleOf` only its multiples; `unit` is what it counts, in the plural. */
export function wholeNumber(limits: { min: number; max?: number; multipleOf?: number; unit?: string }): Kind<number> {
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

/** What Python's configparser takes for a boolean. */
export const bool: Kind<boolean> = {
  allowed: 'one of 1, yes, true, on, 0, no, false, off',
  values: Object.keys(BOOLEANS),
  parse: (text) => own(BOOLEANS, text.toLowerCase()),
};

/** Text on one line, maybe empty. An option that is indented by mistake makes the one before it longer by a line. */
export const line: Kind<string> = {
  allowed: 'a single line (a line that is indented more than the one before continues its value)',
  parse: (text) => (text.includes('\n') ? undefined : text),
};

/** A path, which stays as it is. */
export const path: Kind<string> = {
  allowed: 'a path on a single line (a line that is indented more than the one before continues its value)',
  parse: (text) => (text === '' || text.includes('\n') ? undefined : text),
};

/** Names with commas between them. */
export const names: Kind<string[]> = {
  allowed: 'names with commas between them',
  parse: (text) =>
    text
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
};

const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86400 };
const LONGEST_DAYS = 36500;

/** A time in seconds. */
export const duration: Kind<number> = {
  allowed: `a number with s, m, h or d (such as 30m, 6h, 1d), at most ${LONGEST_DAYS}d`,
  parse: (text) => {
    const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text) ?? [];
    const seconds = Number(amount) * (own(SECONDS, unit) ?? Number.NaN);
    return seconds <= LONGEST_DAYS * 86400 ? seconds : undefined;
  },
};

/** One of the keys of `meanings`; `allowed` overrides the list of them in the error. */
export function oneOf<T>(meanings: Record<string, T>, allowed = `one of ${Object.keys(meanings).join(', ')}`): Kind<T> {
  return { allowed, values: Object.keys(meanings), parse: (text) => own(meanings, text) };
}

/** `record[key]`, but nothing that it inherits (`constructor` …). */
function own<T>(record: Record<string, T>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
