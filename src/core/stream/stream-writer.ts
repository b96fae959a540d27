import type { ByteSink } from './request.ts';

/** Bytes of one write: enough for small blocks to share a call, and one block if that is larger. */
const WRITE_BYTES = 1024 * 1024;
/** Pieces of one write: the kernel takes no more at once (IOV_MAX). */
const WRITE_PIECES = 1024;

/** Stands for all zeros that are written. */
const ZEROS = new Uint8Array(1024 * 1024);

/** Gathers bytes and writes many at once. */
export class StreamWriter {
  /** Bytes that the sink has taken. */
  writtenBytes = 0;
  /** The reader is gone: everything else is dropped. */
  isReaderGone = false;
  isWriting = false;
  readonly #sink: ByteSink;
  readonly #signal: AbortSignal;
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #releases: (() => void)[] = [];

  constructor(sink: ByteSink, signal: AbortSignal) {
    this.#sink = sink;
    this.#signal = signal;
  }

  /** Whether {@link flush} MUST be called before more is added. */
  get isDue(): boolean {
    return this.#bytes >= WRITE_BYTES || this.#pieces.length >= WRITE_PIECES;
  }

  /** Adds bytes, which MUST stay valid until `release` is called. */
  add(bytes: Uint8Array, release: () => void): void {
    this.#push(bytes);
    this.#releases.push(release);
  }

  /** Adds zeros. Their memory is shared, however many there are. */
  addZeros(length: number): void {
    for (let left = length; left > 0; left -= ZEROS.length) this.#push(ZEROS.subarray(0, Math.min(left, ZEROS.length)));
  }

  /** Writes what was added. Throws what the sink throws. */
  async flush(): Promise<void> {
    const [pieces, releases, bytes] = [this.#pieces, this.#releases, this.#bytes];
    this.#pieces = [];
    this.#releases = [];
    this.#bytes = 0;
    if (this.isReaderGone || pieces.length === 0) return;
    this.isWriting = true;
    this.isReaderGone = !(await this.#sink.write(pieces, this.#signal));
    this.isWriting = false;
    if (this.isReaderGone) return;
    this.writtenBytes += bytes;
    for (const release of releases) release();
  }

  #push(bytes: Uint8Array): void {
    this.#pieces.push(bytes);
    this.#bytes += bytes.length;
  }
}
