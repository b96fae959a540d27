import type { Layout } from '../../model/layout.ts';

/** How to make a database from the catalogue. */
export interface RebuildRequest {
  layout: Layout;
  /** Change nothing: only say what would be made. */
  dryRun: boolean;
}

/** A version that came back with bad blocks. */
export interface DamagedVersion {
  uid: string;
  name: string;
  /** Blocks whose blobs are gone. */
  blocksMissing: number;
  /** The first of them. */
  examples: number[];
  /** Blocks whose rows are lost with a part of the catalogue. */
  blocksLost: number;
}

/** The outcome of a rebuild, or of a dry run. */
export interface RebuildResult {
  dryRun: boolean;
  layout: Layout;
  versions: number;
  /** Versions that a rebuild before, which was stopped, had made already. */
  versionsKept: number;
  /** Block rows. */
  blocks: number;
  /** Blobs in the data backend. 0 in a dry run. */
  blobs: number;
  /** Versions that are whole neither in the catalogue nor here. */
  damaged: DamagedVersion[];
  /** Uids whose part of the catalogue can't be read at all. */
  lost: string[];
  seconds: number;
}
