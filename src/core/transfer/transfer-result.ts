import type { Version } from '../../model/version.ts';

/** Outcome of an export or import. */
export interface TransferResult {
  uid: string;
  name: string;
  snapshotName: string;
  /** Blocks. */
  size: number;
  sizeBytes: number;
  /** State of the version: an import of an invalid version is invalid too. */
  valid: boolean;
  seconds: number;
}

/** @param start of the transfer, as `performance.now()` returned it. */
export function transferResult({ uid, name, snapshotName, size, sizeBytes, valid }: Version, start: number): TransferResult {
  return { uid, name, snapshotName, size, sizeBytes, valid, seconds: (performance.now() - start) / 1000 };
}
