import type { DirectIoMode } from '../native/direct-io-switch.ts';

/**
 * Options of the data backend (section `DataBackend` of backy.cfg). Plain data, for worker threads.
 */
export interface DataBackendOptions {
  /** Puts in flight at once over all workers, 1 or more. */
  simultaneousWrites: number;
  /** Gets in flight at once over all workers, 1 or more. */
  simultaneousReads: number;
  /** Bytes a second over all workers; 0 is unlimited. */
  bandwidthRead: number;
  /** Bytes a second over all workers; 0 is unlimited. */
  bandwidthWrite: number;
  backend: FileBackendOptions | NullBackendOptions | S3BackendOptions;
}

/** A data backend that keeps each blob as a file below `path`. */
export interface FileBackendOptions {
  type: 'file';
  path: string;
  /**
   * False leaves out every fsync. For benchmarks alone: it breaks the promise of
   * docs/spec/semantics.md.
   */
  durable: boolean;
  /** Default: auto. */
  directIo?: DirectIoMode | undefined;
  /** Mode of blobs; their folders follow. [only the owner] */
  fileMode?: number;
  /** Reads may block the calling thread. [false] */
  mayBlock?: boolean | undefined;
}

/** A data backend that keeps nothing (docs/spec/formats.md §4). */
interface NullBackendOptions {
  type: 'null';
}

/**
 * A data backend that keeps each blob as an object of a bucket, on any server that speaks S3. MUST
 * NOT be logged.
 */
export interface S3BackendOptions {
  type: 's3';
  bucket: string;
  /** `http://…` or `https://…`; undefined: Amazon's own for the region. */
  endpoint: string | undefined;
  region: string;
  /** The bucket's name is a part of the path, not of the host's name. */
  pathStyle: boolean;
  /** Undefined: from the environment (variables, the user's AWS files, the machine's role). */
  credentials: { accessKeyId: GivenText; secretAccessKey: GivenText } | undefined;
  /** Milliseconds without a byte after which a request counts as hung. */
  stallMs: number;
  /** Milliseconds for which a request with a temporary failure is repeated. */
  retryForMs: number;
}

/** A text of the configuration, or the file that holds it, which is read on first use. */
export type GivenText = { text: string } | { file: string };

/** How blobs are encoded. Plain data, for worker threads. MUST NOT be logged. */
export interface EncryptionOptions {
  /** The `enc_version` of new blobs. */
  version: number;
  /** Neither a version nor a key is configured. `version` is 0 then. [false] */
  isAssumed?: boolean;
  /** The master key in hex; undefined when none is configured. */
  key: string | undefined;
  /** A second way to open the catalogue, should the master key be lost. [none] */
  recovery?: RecoveryOptions | undefined;
  /** zstd's level, 1 to 19. */
  compressionLevel: number;
}

/** The file that holds the recovery key (64 hex digits), or a passphrase (its first line). */
export type RecoveryOptions = { by: 'key' | 'passphrase'; file: string };
