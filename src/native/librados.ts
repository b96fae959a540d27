import { loadCephLibrary } from './ceph-library.ts';
import { once } from './once.ts';

/** The address of an object of librados or librbd, valid in all threads of the process. */
export type Handle = bigint;

/**
 * The calls of librados that finding images needs. Results below 0 are errno numbers. Every call
 * MAY wait for the cluster, so none is for the main thread.
 */
interface Librados {
  /** Writes the cluster's handle into the 8 bytes of `out`. */
  create(out: Uint8Array, clusterName: string, user: string, flags: number): number;
  /** `path` null: looks in the usual places, `CEPH_CONF` first. */
  readConfigFile(cluster: Handle, path: string | null): number;
  setOption(cluster: Handle, option: string, value: string): number;
  getOption(cluster: Handle, option: string, into: Uint8Array, room: number): number;
  connect(cluster: Handle): number;
  /** Frees the handle. Images and pools MUST be closed before. */
  shutdown(cluster: Handle): void;
  /** Writes the pool's handle into the 8 bytes of `out`. */
  openPool(cluster: Handle, pool: string, out: Uint8Array): number;
  setNamespace(pool: Handle, namespace: string): void;
  closePool(pool: Handle): void;
}

/** Loads the library on first use. */
export const librados = once(load);

function load(): Librados {
  const { func } = loadCephLibrary('librados.so.2', 'librados2');
  return {
    create: func('int rados_create2(void *out, const char *cluster, const char *name, uint64_t flags)'),
    readConfigFile: func('int rados_conf_read_file(uint64_t cluster, const char *path)'),
    setOption: func('int rados_conf_set(uint64_t cluster, const char *option, const char *value)'),
    getOption: func('int rados_conf_get(uint64_t cluster, const char *option, void *into, size_t room)'),
    connect: func('int rados_connect(uint64_t cluster)'),
    shutdown: func('void rados_shutdown(uint64_t cluster)'),
    openPool: func('int rados_ioctx_create(uint64_t cluster, const char *pool, void *out)'),
    setNamespace: func('void rados_ioctx_set_namespace(uint64_t pool, const char *namespace_)'),
    closePool: func('void rados_ioctx_destroy(uint64_t pool)'),
  };
}
