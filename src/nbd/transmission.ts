import type { Socket } from 'node:net';
import { errnoOf, messageOf } from '../errors.ts';
import type { ImagePiece } from '../model/image-piece.ts';
import type { Channel } from './channel.ts';
import { ClientFault } from './client-fault.ts';
import type { NbdDisk } from './disk.ts';
import type { Incoming } from './incoming.ts';
import type { NbdLimits } from './limits.ts';
import type { Agreement } from './negotiation.ts';
import { COMMAND, COMMAND_FLAG, MAX_REQUEST_BYTES, NBD_ERROR, REQUEST_BYTES } from './numbers.ts';
import { dataPatience, type Patience, requestPatience } from './patience.ts';
import { blockStatusChunk, dataChunkHead, doneChunk, errorChunk, holeChunk, simpleReply } from './replies.ts';
import { ReplySender } from './reply-sender.ts';
import { type NbdRequest, parseRequest, type RequestRules, refusalOf } from './requests.ts';
import { SharedBytes } from './shared-bytes.ts';

/** Requests in flight of one connection. */
const MAX_REQUESTS = 128;
/** Extents in one reply. */
const MAX_EXTENTS = 4096;

const NO_REQUEST = 'it sent something that is not an NBD request.';

/** How a connection ended: by a request of the client, or without one. */
type EndOfTransmission = 'disconnect' | 'lost';

/** Memory for the requests of all connections of a server. */
export class TransmissionMemory {
  /** For data of writes, from before it is received until the write has ended. */
  readonly writes: SharedBytes;
  /** Bytes of all requests in flight. */
  inFlightBytes = 0;

  constructor({ writeBytes }: Pick<NbdLimits, 'writeBytes'>) {
    this.writes = new SharedBytes(writeBytes);
  }
}

/** Bounds of a transmission. */
export interface TransmissionBounds {
  limits: NbdLimits;
  memory: TransmissionMemory;
}

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
  readonly #limits: NbdLimits;
  readonly #memory: TransmissionMemory;
  readonly #headPatience: Patience;
  readonly #dataPatience: (length: number) => Patience;
  #requests = 0;
  #bytes = 0;
  #onSettled: () => void = () => {};

  constructor({ socket, incoming }: Channel, agreement: Agreement, { limits, memory }: TransmissionBounds) {
    this.#socket = socket;
    this.#sender = new ReplySender(socket);
    this.#incoming = incoming;
    this.#limits = limits;
    this.#memory = memory;
    this.#headPatience = requestPatience(limits);
    this.#dataPatience = dataPatience(limits, () => memory.writes.isWanted);
    this.#disk = agreement.disk;
    this.#rules = {
      sizeBytes: agreement.export.sizeBytes,
      readOnly: agreement.export.isReadOnly,
      structured: agreement.structured,
      blockStatus: agreement.blockStatus,
    };
  }

  /**
   * Serves requests until the connection ends. Waits for running ones before it resolves. Rejects
   * with a ClientFault for what is no request or does not come in time.
   */
  async run(): Promise<EndOfTransmission> {
    try {
      for (;;) {
        const head = await this.#incoming.take(REQUEST_BYTES, this.#headPatience);
        if (head === undefined) return 'lost';
        const request = parseRequest(head);
        if (request === undefined) throw new ClientFault(NO_REQUEST);
        if (request.type === COMMAND.disconnect) return 'disconnect';
        const isWrite = request.type === COMMAND.write;
        const data = isWrite ? await this.#takeData(request.length) : undefined;
        if (isWrite && data === undefined) return 'lost';
        await this.#room();
        this.#begin(request, data);
      }
    } catch (error) {
      // It may read no replies either.
      this.#socket.destroy();
      throw error;
    } finally {
      while (this.#requests > 0 && !this.#socket.destroyed) await this.#settled();
    }
  }

  /** Receives the data of a write, into memory that is given back when the write has ended. */
  async #takeData(length: number): Promise<Buffer | undefined> {
    const { writes } = this.#memory;
    // The next request could only be found by reading all of this data.
    if (length > MAX_REQUEST_BYTES) throw new ClientFault(NO_REQUEST);
    await writes.take(length);
    let data: Buffer | undefined;
    try {
      data = await this.#incoming.take(length, this.#dataPatience(length));
      return data;
    } finally {
      if (data === undefined) writes.give(length);
    }
  }

  #begin(request: NbdRequest, data: Buffer | undefined): void {
    const bytes = request.type === COMMAND.read || data !== undefined ? Math.min(request.length, MAX_REQUEST_BYTES) : 0;
    this.#requests++;
    this.#bytes += bytes;
    this.#memory.inFlightBytes += bytes;
    let isDone = false;
    const done = () => {
      if (isDone) return;
      isDone = true;
      this.#requests--;
      this.#bytes -= bytes;
      this.#memory.inFlightBytes -= bytes;
      this.#onSettled();
    };
    const refusal = refusalOf(request, this.#rules);
    if (refusal !== undefined) {
      this.#giveBack(data);
      this.#fail(request, { error: refusal, message: 'refused' }, done);
    } else if (request.type === COMMAND.read) void this.#read(request, done);
    else void this.#answer(request, data, done);
  }

  /** Gives memory back before the reply is sent: the client may never read it. */
  #giveBack(data: Buffer | undefined): void {
    if (data !== undefined) this.#memory.writes.give(data.length);
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
      if (data !== undefined) await disk.write(offset, data, isForced).finally(() => this.#giveBack(data));
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
    while (this.#isFull() && !this.#socket.destroyed) await this.#settled();
  }

  /** With requests of its own in flight, it is certain to be woken when one of them ends. */
  #isFull(): boolean {
    if (this.#requests === 0) return false;
    const { clientBytes, sharedBytes } = this.#limits;
    return this.#requests >= MAX_REQUESTS || this.#bytes >= clientBytes || this.#memory.inFlightBytes >= sharedBytes;
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
