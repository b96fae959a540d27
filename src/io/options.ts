import type { DirectIoMode } from '../native/direct-io-switch.ts';

/** Limits of one kind of source or target, over all workers together. */
export interface IoLimits {
  /** Reads in flight at once, 1 or more. */
  simultaneousReads: number;
  /** Writes in flight at once, 1 or more. */
  simultaneousWrites: number;
}

/** Options of files and block devices. */
interface FileIoOptions extends IoLimits {
  /** Default: auto. */
  directIo?: DirectIoMode | undefined;
}

/** Options of Ceph RBD images. */
export interface RbdOptions extends IoLimits {
  /** Undefined: Ceph's own default, for example /etc/ceph/ceph.conf. */
  conffile: string | undefined;
  clusterName: string;
  /** For example `client.admin`. */
  radosName: string;
  /** Seconds to wait for the monitors. */
  connectTimeoutSeconds: number;
  /** Seconds to wait for the answer to one request; 0: forever. */
  operationTimeoutSeconds: number;
  /** Feature bits of images that a restore creates; undefined: the cluster's default. */
  newImageFeatures: number | undefined;
  /** Prefix of the names of snapshots that `backup --auto` makes; undefined: `backy2-HOSTNAME-`. */
  snapshotPrefix: string | undefined;
}

/**
 * Options of every kind of source and target (sections `io_file`, `io_rbd`, `io_null` of
 * backy.cfg). Plain data, for worker threads.
 */
export interface IoOptions {
  file: FileIoOptions;
  rbd: RbdOptions;
  null: IoLimits;
}
