/** A folder, symlink or file at a path. */
export type FileNode =
  | { kind: 'folder'; date: Date }
  | { kind: 'link'; date: Date; target: string }
  /** `isWritable`: its owner may read and write it, others neither. Else all may read it. */
  | { kind: 'file'; date: Date; sizeBytes: number; isWritable: boolean };

/**
 * An open file. Methods reject with an Error, whose `cause` MAY be a system error with the errno.
 */
export interface OpenFile {
  /** Fills `into` up to the end of the file. @returns bytes read. */
  read(into: Uint8Array, offset: number): Promise<number>;
  /** Writes within the file. Its length never changes. */
  write(bytes: Uint8Array, offset: number): Promise<void>;
  close(): Promise<void>;
}

/** The files of a mount. Paths are absolute and normalized: `/`, `/a/b`. */
export interface MountedFiles {
  /** Returns undefined when nothing is at the path. */
  node(path: string): Promise<FileNode | undefined>;
  /** Lists the names in a folder. Returns undefined when the path is not a folder. */
  list(path: string): Promise<string[] | undefined>;
  /** Opens a file. {@link node} MUST have returned a file for the path. */
  open(path: string): Promise<OpenFile>;
}
