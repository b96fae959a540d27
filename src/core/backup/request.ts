import type { BackupCounters } from '../../model/counters.ts';
import type { Hint } from '../plan/hints.ts';
import type { RejectedBlob } from './data-phase.ts';

/** What to back up, and how. */
export interface BackupRequest {
  source: string;
  name: string;
  snapshotName?: string | undefined;
  hints?: readonly Hint[] | undefined;
  baseUid?: string | undefined;
  continueUid?: string | undefined;
  /** The source has nothing but what the hints name; the rest MUST come from the base, which is then not compared with it. */
  onlyHinted?: boolean;
  /** Undefined: automatic ones, unless a backup is continued. */
  tags?: readonly string[] | undefined;
  expire?: Date | undefined;
  /** Take hints from the cluster: what has changed since this snapshot of the image, which the base was made of. */
  diffFrom?: string | undefined;
  /** False: its source will be gone, so that failures do not tell how to continue. */
  canContinue?: boolean | undefined;
  /** Go on with a store whose id and blobs are gone, or many of them. */
  acceptDamage?: boolean | undefined;
  /** Told as soon as the version exists. */
  onVersion?: ((uid: string) => void) | undefined;
}

/** What a backup did. */
export interface BackupResult {
  uid: string;
  name: string;
  snapshotName: string;
  source: string;
  tags: string[];
  expire: Date | null;
  /** Blocks. */
  size: number;
  sizeBytes: number;
  /** Of all runs together, when it was continued. */
  counters: BackupCounters;
  /** Blobs of other versions that were found missing or cut; this version does not use them. */
  rejected: RejectedBlob[];
  /** Bad blocks of any version that use this one's blobs now, and versions that are whole again by that. */
  blocksMended: number;
  versionsMended: string[];
  /** Of this run alone, from its start. */
  seconds: number;
  /** Of this run alone, from the first read to the last commit. */
  dataSeconds: number;
}
