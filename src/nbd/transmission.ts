import type { Socket } from 'node:net';
import { errnoOf, messageOf } from '../errors.ts';
import type { ImagePiece } from '../model/image-piece.ts';
import type { NbdDisk } from './disk.ts';
import type { Incoming } from './incoming.ts';
import type { Agreement } from './negotiation.ts';
import { COMMAND, COMMAND_FLAG, MAX_REQUEST_BYTES, NBD_ERROR, REQUEST_BYTES } from './numbers.ts';
import { blockStatusChunk, dataChunkHead, doneChunk, errorChunk, holeChunk, simpleReply } from './replies.ts';
import { ReplySender } from './reply-sender.ts';
import { type NbdRequest, parseRequest, type RequestRules, refusalOf } from './requests.ts';

/** Limits of one connection for requests in flight and their bytes. */
const MAX_REQUESTS = 128;
const MAX_BYTES = 2 * MAX_REQUEST_BYTES;
/** Extents in one reply. */
const MAX_EXTENTS = 4096;

/**
 * How a connection ended: by a request of the client, by a lost connection, or by a malformed
 * request.
 */
type EndOfTransmission = 'disconnect' | 'lost' | 'malformed';

/**
 * Serves the requests of one connection. They run in parallel and are answered in the order they
 * finish.
 */
export class Transmission {
  readonly #socket: Socket;
  readonly #sender: ReplySender;
  readonly #incoming: Incoming;
  readonly #disk: NbdDisk;
  readonly #rules: RequestRules;
  #requests = 0;
  #bytes = 0;
  #onSettled: () => void = () => {};

  constructor(socket: Socket, incoming: Incoming, agreement: Agreement) {
    this.#socket = socket;
    this.#sender = new ReplySender(socket);
    this.#incoming = incoming;
    this.#disk = agreement.disk;
    this.#rules = {
      sizeBytes: agreement.export.sizeBytes,
      readOnly: agreement.export.isReadOnly,
      structured: agreement.structured,
      blockStatus: agreement.blockStatus,
    };
  }

  /** Serves requests until the connection ends. Waits for running ones before it resolves. */
  async run(): Promise<EndOfTransmission> {
    try {
      for (;;) {
        const head = await this.#incoming.take(REQUEST_BYTES);
        if (head === undefined) return 'lost';
        const request = parseRequest(head);
        if (request === undefined) return 'malformed';
        if (request.type === COMMAND.disconnect) return 'disconnect';
        const hasData = request.type === COMMAND.write;
        // The next request could only be found by reading all of this data.
        if (hasData && request.length > MAX_REQUEST_BYTES) return 'malformed';
        const data = hasData ? await this.#incoming.take(request.length) : undefined;
        if (hasData && data === undefined) return 'lost';
        await this.#room();
        this.#begin(request, data);
      }
    } finally {
      while (this.#requests > 0 && !this.#socket.destroyed) await this.#settled();
    }
  }

  #begin(request: NbdRequest, data: Buffer | undefined): void {
    const bytes = request.type === COMMAND.read || data !== undefined ? Math.min(request.length, MAX_REQUEST_BYTES) : 0;
    this.#requests++;
    this.#bytes += bytes;
    const done = () => {
      this.#requests--;
      this.#bytes -= bytes;
      this.#onSettled();
    };
    const refusal = refusalOf(request, this.#rules);
    if (refusal !== undefined) this.#fail(request, { error: refusal, message: 'refused' }, done);
    else if (request.type === COMMAND.read) void this.#read(request, done);
    else void this.#answer(request, data, done);
  }

  async #answer(request: NbdRequest, data: Buffer | undefined, done: () => void): Promise<void> {
    const { type, offset, length, cookie } = request;
    const disk = this.#disk;
    const isForced = (request.flags & COMMAND_FLAG.fua) !== 0;
    try {
      if (type === COMMAND.blockStatus) {
        const limit = (request.flags & COMMAND_FLAG.reqOne) !== 0 ? 1 : MAX_EXTENTS;
        this.#sender.send([blockStatusChunk(cookie, await disk.extents(offset, length, limit))], done);
        return;
      }
      if (type === COMMAND.write) await disk.write(offset, data ?? Buffer.alloc(0), isForced);
      else if (type === COMMAND.writeZeroes) await disk.writeZeros(offset, length, isForced);
      else if (type === COMMAND.trim) await disk.trim(offset, length, isForced);
      else if (type === COMMAND.flush) await disk.flush();
      else if (type === COMMAND.cache) await disk.cache(offset, length);
      this.#sender.send([this.#rules.structured ? doneChunk(cookie) : simpleReply(cookie, 0)], done);
    } catch (error) {
      this.#fail(request, { error: wireError(error), message: messageOf(error) }, done);
    }
  }

  async #read(request: NbdRequest, done: () => void): Promise<void> {
    try {
      if (!this.#rules.structured || (request.flags & COMMAND_FLAG.df) !== 0) await this.#readWhole(request, done);
      else await this.#readInChunks(request, done);
    } catch (error) {
      // A bug in this program. Part of the reply may be sent, so no error can follow it.
      this.#socket.destroy(error instanceof Error ? error : new Error(String(error)));
      done();
    }
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
    if (failed !== undefined) this.#fail(request, { error: wireError(failed), message: failed.message }, done);
    else if (!this.#rules.structured) this.#sender.send([simpleReply(cookie, 0), bytes], done);
    else if (length === 0) this.#sender.send([doneChunk(cookie)], done);
    else this.#sender.send([dataChunkHead(cookie, offset, { length, isLast: true }), bytes], done);
  }

  #fail({ cookie }: NbdRequest, { error, message }: { error: number; message: string }, done: () => void): void {
    this.#sender.send([this.#rules.structured ? errorChunk(cookie, error, { message }) : simpleReply(cookie, error)], done);
  }

  async #room(): Promise<void> {
    while ((this.#requests >= MAX_REQUESTS || this.#bytes >= MAX_BYTES) && !this.#socket.destroyed) await this.#settled();
  }

  #settled(): Promise<void> {
    return new Promise((resolve) => {
      this.#onSettled = resolve;
    });
  }
}

function lengthOf(piece: ImagePiece): number {
  return piece.kind === 'data' ? piece.bytes.length : piece.length;
}

function wireError(error: unknown): number {
  const errno = errnoOf(error instanceof Error ? (error.cause ?? error) : error);
  return errno === 'ENOSPC' || errno === 'EDQUOT' ? NBD_ERROR.ENOSPC : NBD_ERROR.EIO;
}
