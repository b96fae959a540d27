/** The measure of an axis. */
export type Quantity = 'bytes' | 'seconds' | 'count';

/** A unit for the labels of an axis. */
export interface Unit {
  /** `GiB`; empty for a plain number. */
  name: string;
  /** How much of the quantity it is. */
  size: number;
}

const UNITS: Record<Quantity, readonly Unit[]> = {
  bytes: ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'].map((name, power) => ({ name, size: 1024 ** power })),
  seconds: [
    { name: 's', size: 1 },
    { name: 'min', size: 60 },
    { name: 'h', size: 3600 },
    { name: 'd', size: 86_400 },
  ],
  count: [{ name: '', size: 1 }],
};

/** The largest unit of which `most` is at least two, so that an axis has whole steps. */
export function unitFor(quantity: Quantity, most: number): Unit {
  const units = UNITS[quantity];
  return units.findLast(({ size }) => most >= 2 * size) ?? units[0] ?? { name: '', size: 1 };
}
