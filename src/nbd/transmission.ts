import type { Socket } from 'node:net';
import { errnoOf, messageOf } from '../errors.ts';
import type { ImagePiece } from '../model/image-piece.ts';
import type { NbdDisk } from './disk.ts';
import type { Incoming } from './incoming.ts';
import type { Agreement } from './negotiation.ts';
import { COMMAND, COMMAND_FLAG, MAX_REQUEST_BYTES, NBD_ERROR, REQUEST_BYTES } from './numbers.ts';
import { blockStatusChunk, dataChunkHead, doneChunk, errorChunk, holeChunk, simpleReply } from './replies.ts';
import { type NbdRequest, parseRequest, type RequestRules, whyRefused } from './requests.ts';

/** What one connection may have in flight: requests, and bytes of them. */
const MOST_REQUESTS = 128;
const MOST_BYTES = 2 * MAX_REQUEST_BYTES;
/** Data up to this length is copied behind its head: cheaper than another piece to write. */
const COPIED_BYTES = 16 * 1024;
/** Extents in one answer. */
const MOST_EXTENTS = 4096;

/** How a connection ended: the client said so, it just went away, or it sent what can't be understood. */
export type EndOfTransmission = 'disconnect' | 'lost' | 'malformed';

/** The requests of one connection; several are done at once, and answered as they are ready. */
export class Transmission {
  readonly #socket: Socket;
  readonly #incoming: Incoming;
  readonly #disk: NbdDisk;
  readonly #rules: RequestRules;
  #requests = 0;
  #bytes = 0;
  #onSettled: () => void = () => {};
  #isCorked = false;

  constructor(socket: Socket, incoming: Incoming, agreement: Agreement) {
    this.#socket = socket;
    this.#incoming = incoming;
    this.#disk = agreement.disk;
    this.#rules = {
      sizeBytes: agreement.export.sizeBytes,
      readOnly: agreement.export.isReadOnly,
      structured: agreement.structured,
      blockStatus: agreement.blockStatus,
    };
  }

  /** Serves until the connection ends. What was begun is ended then. */
  async run(): Promise<EndOfTransmission> {
    try {
      for (;;) {
        const head = await this.#incoming.take(REQUEST_BYTES);
        if (head === undefined) return 'lost';
        const request = parseRequest(head);
        if (request === undefined) return 'malformed';
        if (request.type === COMMAND.disconnect) return 'disconnect';
        const hasData = request.type === COMMAND.write;
        // Nobody could tell where the next request begins without taking all of that in.
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
    const refused = whyRefused(request, this.#rules);
    if (refused !== undefined) this.#fail(request, { error: refused, message: 'refused' }, done);
    else if (request.type === COMMAND.read) void this.#read(request, done);
    else void this.#answer(request, data, done);
  }

  async #answer(request: NbdRequest, data: Buffer | undefined, done: () => void): Promise<void> {
    const { type, offset, length, cookie } = request;
    const disk = this.#disk;
    const isForced = (request.flags & COMMAND_FLAG.fua) !== 0;
    try {
      if (type === COMMAND.blockStatus) {
        const limit = (request.flags & COMMAND_FLAG.reqOne) !== 0 ? 1 : MOST_EXTENTS;
        this.#send([blockStatusChunk(cookie, await disk.extents(offset, length, limit))], done);
        return;
      }
      if (type === COMMAND.write) await disk.write(offset, data ?? Buffer.alloc(0), isForced);
      else if (type === COMMAND.writeZeroes) await disk.writeZeros(offset, length, isForced);
      else if (type === COMMAND.trim) await disk.trim(offset, length, isForced);
      else if (type === COMMAND.flush) await disk.flush();
      else if (type === COMMAND.cache) await disk.cache(offset, length);
      this.#send([this.#rules.structured ? doneChunk(cookie) : simpleReply(cookie, 0)], done);
    } catch (error) {
      this.#fail(request, { error: wireError(error), message: messageOf(error) }, done);
    }
  }

  async #read(request: NbdRequest, done: () => void): Promise<void> {
    try {
      if (!this.#rules.structured || (request.flags & COMMAND_FLAG.df) !== 0) await this.#readWhole(request, done);
      else await this.#readInChunks(request, done);
    } catch (error) {
      // An error of the program's own: the client can't be told any more what is missing.
      this.#socket.destroy(error instanceof Error ? error : new Error(String(error)));
      done();
    }
  }

  /** Each piece goes as it comes: data straight from the cache, zeros as holes, what is bad as an error of its own. */
  async #readInChunks({ cookie, offset, length }: NbdRequest, done: () => void): Promise<void> {
    const end = offset + length;
    if (length === 0) this.#send([doneChunk(cookie)], done);
    await this.#disk.read(offset, length, (piece) => {
      const isLast = piece.offset + lengthOf(piece) === end;
      const settled = isLast ? done : () => {};
      const at = piece.offset;
      if (piece.kind === 'data') {
        const head = dataChunkHead(cookie, at, { length: piece.bytes.length, isLast });
        this.#sendData(head, piece, settled);
      } else if (piece.kind === 'zeros') this.#send([holeChunk(cookie, at, { length: piece.length, isLast })], settled);
      else {
        const chunk = errorChunk(cookie, wireError(piece.error), { message: piece.error.message, offset: at });
        this.#send(isLast ? [chunk, doneChunk(cookie)] : [chunk], settled);
      }
    });
  }

  /** For clients that want all or nothing: the reply begins with whether it has failed. */
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
    else if (!this.#rules.structured) this.#send([simpleReply(cookie, 0), bytes], done);
    else if (length === 0) this.#send([doneChunk(cookie)], done);
    else this.#send([dataChunkHead(cookie, offset, { length, isLast: true }), bytes], done);
  }

  #fail({ cookie }: NbdRequest, { error, message }: { error: number; message: string }, done: () => void): void {
    this.#send([this.#rules.structured ? errorChunk(cookie, error, { message }) : simpleReply(cookie, error)], done);
  }

  #sendData(head: Buffer, piece: Extract<ImagePiece, { kind: 'data' }>, settled: () => void): void {
    if (piece.bytes.length > COPIED_BYTES) {
      this.#send([head, piece.bytes], () => {
        piece.release();
        settled();
      });
      return;
    }
    const both = Buffer.concat([head, piece.bytes]);
    piece.release();
    this.#send([both], settled);
  }

  /** All of one turn of the event loop goes with one call. `settled` is called once the last is with the kernel, or never will be. */
  #send(parts: readonly Uint8Array[], settled: () => void): void {
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

  async #room(): Promise<void> {
    while ((this.#requests >= MOST_REQUESTS || this.#bytes >= MOST_BYTES) && !this.#socket.destroyed) await this.#settled();
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
