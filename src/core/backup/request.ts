import type { BackupCounters } from '../../model/counters.ts';
import type { Hint } from '../plan/hints.ts';
import type { RejectedBlob } from './data-phase.ts';

/** A source to back up. */
export interface BackupRequest {
  source: string;
  name: string;
  snapshotName?: string | undefined;
  hints?: readonly Hint[] | undefined;
  baseUid?: string | undefined;
  continueUid?: string | undefined;
  /**
   * The source has only what the hints name. The rest MUST come from the base, and is not compared.
   */
  onlyHinted?: boolean;
  /** Undefined: automatic tags, unless a backup is continued. */
  tags?: readonly string[] | undefined;
  expire?: Date | undefined;
  /** Take the changes since this snapshot, which the base is of, from the cluster as hints. */
  diffFrom?: string | undefined;
  /** False: its source will be deleted, so that a failed backup can't be resumed. */
  canContinue?: boolean | undefined;
  /** Keep blocks off the calling thread: the process serves others, or goes on after a hang. */
  inThreads?: boolean | undefined;
  /** Continue although the store's id and blobs, or many of them, are missing. */
  acceptDamage?: boolean | undefined;
  /** Called as soon as the version exists. */
  onVersion?: ((uid: string) => void) | undefined;
}

/** The outcome of a backup. */
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
  /** Of all runs together if it was continued. */
  counters: BackupCounters;
  /**
   * Blobs of other versions that were found missing or truncated. This version does not use them.
   */
  rejected: RejectedBlob[];
  /**
   * Bad blocks of other versions that use this one's blobs now, and versions that became valid by
   * that.
   */
  blocksMended: number;
  versionsMended: string[];
  /** The source is a file that was written during this run: the version may mix old and new. */
  sourceChanged: boolean;
  /** Of this run alone, from its start. */
  seconds: number;
  /** Of this run alone, from the first read to the last commit. */
  dataSeconds: number;
}
