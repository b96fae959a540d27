import type { Socket } from 'node:net';
import { messageOf } from '../errors.ts';
import type { Channel } from './channel.ts';
import { ClientFault } from './client-fault.ts';
import type { NbdDisk } from './disk.ts';
import type { Incoming } from './incoming.ts';
import type { NbdLimits } from './limits.ts';
import type { Agreement } from './negotiation.ts';
import { COMMAND, COMMAND_FLAG, MAX_REQUEST_BYTES, REQUEST_BYTES } from './numbers.ts';
import { dataPatience, type Patience, requestPatience } from './patience.ts';
import { ReadReplies } from './read-replies.ts';
import { blockStatusChunk, doneChunk, type Failure, failureReply, simpleReply, wireError } from './replies.ts';
import { ReplySender } from './reply-sender.ts';
import { type NbdRequest, parseRequest, type RequestRules, refusalOf } from './requests.ts';
import type { TransmissionMemory } from './transmission-memory.ts';

/** Requests in flight of one connection. */
const MAX_REQUESTS = 128;
/** Extents in one reply. */
const MAX_EXTENTS = 4096;

const NO_REQUEST = 'it sent something that is not an NBD request.';

/** How a connection ended: by a request of the client, or without one. */
type EndOfTransmission = 'disconnect' | 'lost';

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
  readonly #reads: ReadReplies;
  readonly #disk: NbdDisk;
  readonly #rules: RequestRules;
  readonly #limits: NbdLimits;
  readonly #memory: TransmissionMemory;
  readonly #headPatience: Patience;
  readonly #dataPatience: Patience;
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
    this.#reads = new ReadReplies({ disk: agreement.disk, sender: this.#sender, structured: agreement.structured });
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
      data = await this.#incoming.take(length, this.#dataPatience);
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
      await this.#reads.answer(request, done);
    } catch (error) {
      // A bug in this program. Part of the reply may be sent, so no error can follow it.
      this.#socket.destroy(error instanceof Error ? error : new Error(String(error)));
      done();
    }
  }

  #fail({ cookie }: NbdRequest, failure: Failure, done: () => void): void {
    this.#sender.send([failureReply(cookie, failure, this.#rules.structured)], done);
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
