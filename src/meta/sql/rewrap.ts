import type { RewrapCounts, RewrapRequest } from '../encryption-store.ts';

/** Rows between two looks at messages and signals: 20 ms of key wrapping. */
export const REWRAP_PAGE_ROWS = 1_000;

/** A block row with its wrapped key. */
export interface WrappedRow {
  uid: string | null;
  versionUid: string;
  id: number;
  valid: number;
  encVersion: number;
  envKey: string | null;
}

/** Counters before the first row. */
export const NOTHING_REWRAPPED: RewrapCounts = { rewrapped: 0, left: 0, sparse: 0, plain: 0 };

/**
 * Decides about one row, and counts it. @returns its new wrapped key; undefined when it keeps its
 * own.
 */
export function newKeyOf(row: WrappedRow, request: RewrapRequest, counts: RewrapCounts): string | undefined {
  if (row.uid === null || row.uid === '') {
    counts.sparse++;
    return undefined;
  }
  if (row.encVersion === 0) {
    counts.plain++;
    return undefined;
  }
  const envKey = request.rewrap({ ...row, envKey: row.envKey ?? '', valid: row.valid !== 0 });
  if (envKey === undefined) counts.left++;
  else counts.rewrapped++;
  return envKey;
}
