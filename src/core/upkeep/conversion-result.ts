import type { Layout } from '../../model/layout.ts';

/** How to convert the database. */
export interface ConversionRequest {
  to: Layout;
  /** Change nothing: only say what it would take. */
  dryRun: boolean;
}

/** The outcome of a conversion, or of a dry run. */
export interface ConversionResult {
  from: Layout;
  to: Layout;
  dryRun: boolean;
  versions: number;
  /** Rows of all versions. */
  blocks: number;
  /** Versions that an interrupted conversion had copied already. */
  versionsKept: number;
  bytesBefore: number;
  /** Of a dry run: an estimate. */
  bytesAfter: number;
  /** Where the old database is; null: it is gone, or it is a dry run. */
  oldDatabase: string | null;
  /** Of a dry run: an estimate. */
  seconds: number;
}
