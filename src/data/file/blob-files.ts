/** A blob to write. */
export interface BlobPut {
  /** Its name until it is whole and durable. It MUST be new; a failure may leave it. */
  temporary: string;
  /** Its name in the end. Folders are made if they are missing. */
  path: string;
  bytes: Uint8Array;
}

/**
 * Moves whole blobs between memory and files. Rejects with the system's errors, or BackyErrors.
 * Memory MUST NOT change until a call settles.
 */
export interface BlobFiles {
  put(blob: BlobPut): Promise<void>;
  /**
   * Reads as many bytes as `into` takes, and may overwrite the rest of it. A path that is no
   * regular file is refused as a blob that can't be read.
   * @returns the file's size.
   */
  get(path: string, into: Uint8Array): Promise<number>;
  /**
   * Lists `<subfolder>/<name>` of all that is in the subfolders of a folder whose names have two
   * bytes and begin with `prefix`. Follows symlinks to folders. A missing folder has none. Letters
   * that are not ASCII may look otherwise.
   */
  list(folder: string, prefix: string): Promise<string[]>;
  /** Makes the entries of folders durable. */
  syncFolders(paths: readonly string[]): Promise<void>;
}

/** Common to all files of a backend. */
export interface BlobFilesOptions {
  isDurable: boolean;
  /** Mode of blobs; their folders follow. */
  fileMode: number;
}
