/** Options of the data backend (section `DataBackend` of backy.cfg). Plain data: it goes to worker threads. */
export interface DataBackendOptions {
  /** Puts in flight at once over all workers, 1 or more. */
  simultaneousWrites: number;
  /** Gets in flight at once over all workers, 1 or more. */
  simultaneousReads: number;
  /** Bytes a second over all workers; 0 is unlimited. */
  bandwidthRead: number;
  /** Bytes a second over all workers; 0 is unlimited. */
  bandwidthWrite: number;
  backend: FileBackendOptions | NullBackendOptions;
}

/** A data backend that keeps each blob as a file below `path`. */
export interface FileBackendOptions {
  type: 'file';
  path: string;
  /** False leaves out every fsync. Only benchmarks use that: it breaks the promise of semantics.md. */
  durable: boolean;
}

/** A data backend that keeps nothing (formats.md §4). */
export interface NullBackendOptions {
  type: 'null';
}

/** How blobs are encoded. Plain data: it goes to worker threads. MUST NOT be logged. */
export interface EncryptionOptions {
  /** The `enc_version` that is written. */
  version: number;
  /** The master key in hex; undefined when none is configured. */
  key: string | undefined;
  /** zstd's level, 1 to 19. */
  compressionLevel: number;
}
