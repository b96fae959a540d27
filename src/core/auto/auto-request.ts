import type { BackyError } from '../../errors.ts';
import type { RbdPlace } from '../../io/rbd/rbd-url.ts';
import type { BackupResult } from '../backup/request.ts';

/** How an image is backed up with `--auto`. */
export interface AutoOptions {
  /** Own snapshots to keep, 1 or more: the newest ones with a valid version. */
  keepSnapshots: number;
  /** Log the steps without doing them. */
  dryRun: boolean;
  acceptDamage?: boolean | undefined;
  tags?: readonly string[] | undefined;
  expire?: Date | undefined;
  onVersion?: ((uid: string) => void) | undefined;
}

/** Outcome for an image. In a dry run, the expected outcome. */
export interface AutoResult {
  /** As the rbd command writes it. */
  image: string;
  name: string;
  dryRun: boolean;
  /** The new snapshot that was backed up, if any. */
  snapshot: string | null;
  /** The snapshot that the backup started from; null for a full backup. */
  fromSnapshot: string | null;
  baseUid: string | null;
  removedSnapshots: string[];
  backup: BackupResult | null;
  /** Failures. Without a backup, the last one is the reason. */
  errors: BackyError[];
}

/** The image to back up. */
export interface AutoImageRequest {
  place: RbdPlace;
  /** Of its versions. */
  name: string;
  options: AutoOptions;
}
