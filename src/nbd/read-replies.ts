import type { ImagePiece } from '../model/image-piece.ts';
import type { NbdDisk } from './disk.ts';
import { COMMAND_FLAG } from './numbers.ts';
import { dataChunkHead, doneChunk, errorChunk, failureReply, holeChunk, simpleReply, wireError } from './replies.ts';
import type { ReplySender } from './reply-sender.ts';
import type { NbdRequest } from './requests.ts';

/** How reads are answered. */
interface ReadRepliesOptions {
  disk: Pick<NbdDisk, 'read'>;
  sender: ReplySender;
  /** Whether the client knows structured replies. */
  structured: boolean;
}

/** Answers the reads of one connection. */
export class ReadReplies {
  readonly #disk: Pick<NbdDisk, 'read'>;
  readonly #sender: ReplySender;
  readonly #structured: boolean;

  constructor({ disk, sender, structured }: ReadRepliesOptions) {
    this.#disk = disk;
    this.#sender = sender;
    this.#structured = structured;
  }

  /** Calls `done` when the kernel has the reply. Rejects for bugs only. */
  answer(request: NbdRequest, done: () => void): Promise<void> {
    const isWhole = !this.#structured || (request.flags & COMMAND_FLAG.df) !== 0;
    return isWhole ? this.#readWhole(request, done) : this.#readInChunks(request, done);
  }

  /**
   * Sends each piece as a chunk of its own: data straight from the cache, zeros as holes, bad
   * blocks as errors.
   */
  async #readInChunks({ cookie, offset, length }: NbdRequest, done: () => void): Promise<void> {
    const end = offset + length;
    if (length === 0) this.#sender.send([doneChunk(cookie)], done);
    await this.#disk.read(offset, length, (piece) => {
      const isLast = piece.offset + lengthOf(piece) === end;
      const settled = isLast ? done : () => {};
      const at = piece.offset;
      if (piece.kind === 'data') {
        const head = dataChunkHead(cookie, at, { length: piece.bytes.length, isLast });
        this.#sender.sendPiece(head, piece, settled);
      } else if (piece.kind === 'zeros') this.#sender.send([holeChunk(cookie, at, { length: piece.length, isLast })], settled);
      else {
        const chunk = errorChunk(cookie, wireError(piece.error), { message: piece.error.message, offset: at });
        this.#sender.send(isLast ? [chunk, doneChunk(cookie)] : [chunk], settled);
      }
    });
  }

  /**
   * Reads everything before it replies, since the header of this reply says whether the read
   * failed.
   */
  async #readWhole(request: NbdRequest, done: () => void): Promise<void> {
    const { cookie, offset, length } = request;
    const bytes = Buffer.alloc(length);
    let failed: Error | undefined;
    await this.#disk.read(offset, length, (piece) => {
      if (piece.kind === 'failed') failed ??= piece.error;
      if (piece.kind !== 'data') return;
      bytes.set(piece.bytes, piece.offset - offset);
      piece.release();
    });
    if (failed !== undefined) {
      const failure = { error: wireError(failed), message: failed.message };
      this.#sender.send([failureReply(cookie, failure, this.#structured)], done);
    } else if (!this.#structured) this.#sender.send([simpleReply(cookie, 0), bytes], done);
    else if (length === 0) this.#sender.send([doneChunk(cookie)], done);
    else this.#sender.send([dataChunkHead(cookie, offset, { length, isLast: true }), bytes], done);
  }
}

function lengthOf(piece: ImagePiece): number {
  return piece.kind === 'data' ? piece.bytes.length : piece.length;
}
