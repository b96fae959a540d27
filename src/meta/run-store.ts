import type { RunKey, RunRecord, SpaceRecord } from '../model/run-record.ts';

/** Space records younger than this stay one a day; of older ones, one a week. */
export const DAILY_SPACE_DAYS = 400;

/**
 * The memory of `run` (docs/spec/semantics.md §18), shared by all hosts. The original has nothing
 * like it. Reading changes nothing: a database without these tables has no records.
 */
export interface RunStore {
  /** All of them, in any order. */
  runRecords(): Promise<RunRecord[]>;
  /** Undefined: there is none of that kind and name. */
  findRunRecord(key: RunKey): Promise<RunRecord | undefined>;
  /**
   * Adds a record, or replaces the one with its key; only {@link setReported} changes `reported`
   * then.
   */
  putRunRecord(record: RunRecord): Promise<void>;
  /**
   * Notes when problems were last reported; null: they need not be reported any more. Changes
   * nothing else, since a job may be writing its record.
   */
  setReported(keys: readonly RunKey[], reported: Date | null): Promise<void>;
  /** Removes records, if they are there. */
  forgetRunRecords(keys: readonly RunKey[]): Promise<void>;
  /** Oldest first. */
  spaceHistory(): Promise<SpaceRecord[]>;
  /** Adds a record. Of each day (UTC) the last one stays: see {@link DAILY_SPACE_DAYS}. */
  addSpace(record: SpaceRecord): Promise<void>;
}
