import type { Socket } from 'node:net';
import type { ImagePiece } from '../model/image-piece.ts';

/** Up to this length, copying data behind its header is cheaper than a second write. */
const MAX_COPIED_BYTES = 16 * 1024;

/** Sends replies to a client. Joins those of one turn of the event loop into one write. */
export class ReplySender {
  readonly #socket: Socket;
  #isCorked = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /**
   * Sends the parts of a reply. Calls `settled` when the kernel has the last part, or on failure.
   */
  send(parts: readonly Uint8Array[], settled: () => void): void {
    if (!this.#isCorked) {
      this.#isCorked = true;
      this.#socket.cork();
      process.nextTick(() => {
        this.#isCorked = false;
        this.#socket.uncork();
      });
    }
    for (const [index, part] of parts.entries()) {
      if (index < parts.length - 1) this.#socket.write(part);
      else this.#socket.write(part, () => settled());
    }
  }

  /** Sends a piece after its header and releases it. */
  sendPiece(head: Buffer, piece: Extract<ImagePiece, { kind: 'data' }>, settled: () => void): void {
    if (piece.bytes.length > MAX_COPIED_BYTES) {
      this.send([head, piece.bytes], () => {
        piece.release();
        settled();
      });
      return;
    }
    const both = Buffer.concat([head, piece.bytes]);
    piece.release();
    this.send([both], settled);
  }
}
