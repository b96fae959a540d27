import type { Extent, ImagePiece } from '../model/image-piece.ts';

/**
 * A disk that is served to a client. Ranges lie within it. Methods reject with an Error, whose
 * `cause` MAY be a system error. Its errno decides which error the client gets.
 */
export interface NbdDisk {
  /** Calls `take` for each piece of the range, in order. */
  read(offset: number, length: number, take: (piece: ImagePiece) => void): Promise<void>;
  /** @param isForced the write MUST be as durable on return as a flush makes it (FUA). */
  write(offset: number, bytes: Uint8Array, isForced: boolean): Promise<void>;
  writeZeros(offset: number, length: number, isForced: boolean): Promise<void>;
  trim(offset: number, length: number, isForced: boolean): Promise<void>;
  /** Makes all writes durable that had ended before the call. */
  flush(): Promise<void>;
  /** Reads a range into memory, as far as there is room. */
  cache(offset: number, length: number): Promise<void>;
  /**
   * Lists where the range has data, from its start. Returns 1 to `limit` extents, which MAY cover
   * less than the range.
   */
  extents(offset: number, length: number, limit: number): Promise<Extent[]>;
  /** Ends the use by a client. @param isClean whether the client disconnected properly. */
  close(isClean: boolean): Promise<void>;
}

/** An export that a client can open. */
export interface NbdExport {
  sizeBytes: number;
  isReadOnly: boolean;
  description: string;
  /** Preferred length of requests: a power of two from 512 to 32 MiB. */
  preferredBytes: number;
  /** Rejects with an Error whose message is sent to the client. */
  open(): Promise<NbdDisk>;
}

/** An export in the list that a client asks for. */
export interface NbdExportEntry {
  name: string;
  description: string;
}

/** The exports of a server. */
export interface NbdExports {
  list(): Promise<NbdExportEntry[]>;
  /** Returns undefined if there is no such export. The empty name is the default export. */
  find(name: string): Promise<NbdExport | undefined>;
}
