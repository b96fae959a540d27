/** Upper limits of one kind of source or target, over all workers together. */
export interface IoLimits {
  /** Reads in flight at once, 1 or more. */
  simultaneousReads: number;
  /** Writes in flight at once, 1 or more. */
  simultaneousWrites: number;
}

/** Options of Ceph RBD images. */
export interface RbdOptions extends IoLimits {
  /** Undefined: where Ceph looks by itself, for example /etc/ceph/ceph.conf. */
  conffile: string | undefined;
  clusterName: string;
  /** As `client.admin`. */
  radosName: string;
  /** How long to wait for the monitors. */
  connectTimeoutSeconds: number;
  /** How long to wait for the answer to one request; 0: for ever. */
  operationTimeoutSeconds: number;
  /** The features of images that a restore creates, as bits; undefined: those that the cluster's configuration says. */
  newImageFeatures: number | undefined;
  /** What the names of snapshots begin with that `backup --auto` makes; undefined: `backy2-HOSTNAME-`. */
  snapshotPrefix: string | undefined;
}

/** Options of every kind of source and target (sections `io_file`, `io_rbd`, `io_null` of backy.cfg). Plain data: it goes to worker threads. */
export interface IoOptions {
  file: IoLimits;
  rbd: RbdOptions;
  null: IoLimits;
}
