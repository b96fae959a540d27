/** Something that a path leads to. */
export type FileNode =
  | { kind: 'folder'; date: Date }
  | { kind: 'link'; date: Date; target: string }
  /** `isWritable`: to its owner, who alone may read it then. */
  | { kind: 'file'; date: Date; sizeBytes: number; isWritable: boolean };

/** An open file. Failures are Errors, whose `cause` may have the errno. */
export interface OpenFile {
  /** Fills `into` as far as the file goes. @returns how many bytes that are. */
  read(into: Uint8Array, offset: number): Promise<number>;
  /** Writes within the file's length, which never changes. */
  write(bytes: Uint8Array, offset: number): Promise<void>;
  close(): Promise<void>;
}

/** What is mounted. Paths are absolute and normal: `/`, `/a/b`. */
export interface MountedFiles {
  /** Undefined when there is nothing. */
  node(path: string): Promise<FileNode | undefined>;
  /** Names in a folder; undefined when it is none. */
  list(path: string): Promise<string[] | undefined>;
  /** Opens what {@link node} calls a file. */
  open(path: string): Promise<OpenFile>;
}
