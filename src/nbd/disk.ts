/** A piece of what was read from a disk. */
export type DiskPiece =
  /** `bytes` are good until `release` is called, once. */
  | { kind: 'data'; offset: number; bytes: Uint8Array; release(): void }
  | { kind: 'zeros'; offset: number; length: number }
  | { kind: 'failed'; offset: number; length: number; error: Error };

/** A disk that is being served. Ranges lie within it. Failures are Errors, whose `cause` may have the errno. */
export interface NbdDisk {
  /** Calls `take` for every piece of the range, in order. */
  read(offset: number, length: number, take: (piece: DiskPiece) => void): Promise<void>;
  /** `isForced`: what is written is to be as good as flushed on return. */
  write(offset: number, bytes: Uint8Array, isForced: boolean): Promise<void>;
  writeZeros(offset: number, length: number, isForced: boolean): Promise<void>;
  trim(offset: number, length: number, isForced: boolean): Promise<void>;
  /** What was written before the call is what the client wants to rely on. */
  flush(): Promise<void>;
  cache(offset: number, length: number): Promise<void>;
  /** Where there is data, from the start of the range; MAY tell less than all of it, but something. */
  extents(offset: number, length: number, limit: number): Promise<{ length: number; isZero: boolean }[]>;
  /** The connection ended; `isClean`: because the client said so. */
  close(isClean: boolean): Promise<void>;
}

/** What a client may ask for by its name. */
export interface NbdExport {
  sizeBytes: number;
  isReadOnly: boolean;
  description: string;
  /** Requests of this length go best: a power of two from 512 to 32 MiB. */
  preferredBytes: number;
  /** Rejects with words for the client's user. */
  open(): Promise<NbdDisk>;
}

/** All that a server has to offer. */
export interface NbdExports {
  list(): Promise<{ name: string; description: string }[]>;
  /** Undefined: there is no such export. The empty name is the default export. */
  find(name: string): Promise<NbdExport | undefined>;
}
