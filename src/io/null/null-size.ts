import { BackyError } from '../../errors.ts';

const UNITS: Record<string, number> = { '': 1, k: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4, P: 1024 ** 5 };

/** The size in bytes of `null://SIZE`: bytes, or k/kB, M/MB, G/GB, T/TB, P/PB (powers of 1024). */
export function parseNullSize(size: string): number {
  const match = /^([0-9]+)(?:([kMGTP])B?)?$/.exec(size);
  const bytes = match === null ? Number.NaN : Number(match[1]) * (UNITS[match[2] ?? ''] ?? Number.NaN);
  if (Number.isSafeInteger(bytes)) return bytes;
  throw new BackyError('io', `Not a valid name: null://${size} needs a size, e.g. null://10GB or null://200TB`, {
    hint: 'Units are k, M, G, T and P (or kB, MB, GB, TB, PB), powers of 1024; the size must be less than 8PB.',
  });
}
