import { FAMILIES, type Family } from './faults.ts';

/** Families of faults, and power losses. */
export type Column = Family | 'power';
export const COLUMNS: readonly Column[] = [...FAMILIES, 'power'];

/** Number of shards of each family's points; a family without a number is not swept. */
export type Shards = Partial<Record<Column, number>>;

/** Results of one family of one operation. */
export interface Outcome {
  operation: string;
  family: Column;
  /** All points. */
  possible: number;
  /** Points in the shard of this run. */
  dealt: number;
  tried: number;
  /** Points whose call came; the order of calls may differ from run to run. */
  struck: number;
  failures: string[];
}

/** If this many points were tried, some must strike: calls change order for few points only. */
const LEAST_TRIED = 5;

/** Describes the parts of a sweep that prove nothing because no fault struck. */
export function silences(outcomes: readonly Outcome[]): string[] {
  const families = COLUMNS.map((family) => ({ family, own: outcomes.filter((one) => one.family === family) }));
  return [
    ...(sum(outcomes, 'struck') === 0 ? ['no fault struck at all'] : []),
    ...families
      .filter(({ own }) => sum(own, 'dealt') > 0 && sum(own, 'struck') === 0)
      .map(({ family, own }) => `${family}: none of ${sum(own, 'dealt')} points struck`),
    ...outcomes
      .filter(({ tried, struck }) => tried >= LEAST_TRIED && struck === 0)
      .map(({ operation, family, tried }) => `${operation}, ${family}: none of ${tried} points struck`),
  ];
}

/**
 * Number of points of this run's shard that were not tried because the time was up. With
 * BACKY_FAULT_SECONDS the caller has asked for that.
 */
export function unreached(outcomes: readonly Outcome[]): number {
  return process.env.BACKY_FAULT_SECONDS === undefined ? sum(outcomes, 'dealt') - sum(outcomes, 'tried') : 0;
}

/** Adds up one number of some outcomes. */
export function sum(outcomes: readonly Outcome[], what: 'possible' | 'dealt' | 'tried' | 'struck'): number {
  return outcomes.reduce((total, outcome) => total + outcome[what], 0);
}
