/** The defaults of section io_rbd. */
export const RBD_DEFAULTS = {
  simultaneousReads: 10,
  simultaneousWrites: 1,
  conffile: undefined,
  clusterName: 'ceph',
  radosName: 'client.admin',
  connectTimeoutSeconds: 30,
  operationTimeoutSeconds: 0,
  newImageFeatures: undefined,
  snapshotPrefix: undefined,
};
