import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { Incoming } from '../../../src/nbd/incoming.ts';
import * as nbd from '../../../src/nbd/numbers.ts';

/** A reply to an option. */
interface OptionReply {
  type: number;
  data: Buffer;
}

/** The reply to a request: an overall error (0: none), and the chunks. */
interface Reply {
  error: number;
  data: Buffer;
  /** Errors of single chunks, with their offsets. */
  errors: { offset: number; error: number; message: string }[];
  holes: { offset: number; length: number }[];
  extents: { length: number; flags: number }[];
  chunks: number;
}

interface RequestParts {
  offset?: number | bigint;
  length?: number;
  flags?: number;
  data?: Buffer;
  magic?: number;
}

/** A client that sends any message, valid or not. One request at a time. */
export class NbdClient {
  socket: Socket;
  #incoming: Incoming;
  #cookie = 1n;
  #structured = false;
  sizeBytes = 0;
  flags = 0;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => {});
    this.#incoming = new Incoming(socket);
  }

  /** Connects, and greets like a current client. */
  static async connect(path: string, flags = 3): Promise<NbdClient> {
    const socket = connect(path);
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    const client = new NbdClient(socket);
    const greeting = await client.take(18);
    if (greeting.readBigUInt64BE(0) !== nbd.NBD_MAGIC || greeting.readUInt16BE(16) !== 3) throw new Error('no NBD server');
    client.socket.write(u32(flags));
    return client;
  }

  /** Connects and enters transmission, by default with structured replies and base:allocation. */
  static async open(path: string, name: string, { structured = true } = {}): Promise<NbdClient> {
    const client = await NbdClient.connect(path);
    await client.enter(name, { structured });
    return client;
  }

  /** Enters transmission. */
  async enter(name: string, { structured = true } = {}): Promise<void> {
    if (structured) {
      await this.option(nbd.OPTION.structuredReply);
      await this.option(nbd.OPTION.setMetaContext, Buffer.concat([text(name), u32(1), text(nbd.BASE_ALLOCATION)]));
    }
    const last = (await this.option(nbd.OPTION.go, Buffer.concat([text(name), Buffer.from([0, 0])]))).at(-1);
    if (last?.type !== nbd.REPLY.ack) throw new Error(`GO ${name}: ${last?.data.toString()}`);
  }

  /** Asks for TLS and starts it. */
  async startTls(options: ConnectionOptions): Promise<void> {
    const last = (await this.option(nbd.OPTION.startTls)).at(-1);
    if (last?.type !== nbd.REPLY.ack) throw new Error(`STARTTLS: ${last?.data.toString()}`);
    this.#incoming.detach();
    const socket = connectTls({ ...options, socket: this.socket });
    await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
    this.socket = socket;
    this.#incoming = new Incoming(socket);
  }

  /** Sends an option, and reads replies up to the last. */
  async option(option: number, data: Buffer = Buffer.alloc(0)): Promise<OptionReply[]> {
    this.sendOption(option, data);
    const replies: OptionReply[] = [];
    for (;;) {
      const head = await this.take(20);
      if (head.readBigUInt64BE(0) !== nbd.OPTION_REPLY_MAGIC || head.readUInt32BE(8) !== option)
        throw new Error('no reply to this option');
      const reply = { type: head.readUInt32BE(12), data: await this.take(head.readUInt32BE(16)) };
      replies.push(reply);
      this.#learn(option, reply);
      if (reply.type === nbd.REPLY.ack || reply.type >= 0x80000000) return replies;
    }
  }

  sendOption(option: number, data: Buffer): void {
    const head = Buffer.alloc(16);
    head.writeBigUInt64BE(nbd.OPTION_MAGIC, 0);
    head.writeUInt32BE(option, 8);
    head.writeUInt32BE(data.length, 12);
    this.socket.write(Buffer.concat([head, data]));
  }

  /** Sends a request, and reads its reply. */
  async request(type: number, parts: RequestParts = {}): Promise<Reply> {
    this.sendRequest(type, parts);
    return this.#structured ? this.#structuredReply(parts) : this.#simpleReply(type, parts);
  }

  sendRequest(
    type: number,
    { offset = 0, length, flags = 0, data = Buffer.alloc(0), magic = nbd.REQUEST_MAGIC }: RequestParts,
  ): void {
    const head = Buffer.alloc(28);
    head.writeUInt32BE(magic, 0);
    head.writeUInt16BE(flags, 4);
    head.writeUInt16BE(type, 6);
    head.writeBigUInt64BE(this.#cookie, 8);
    head.writeBigUInt64BE(BigInt(offset), 16);
    head.writeUInt32BE(length ?? data.length, 24);
    this.socket.write(Buffer.concat([head, data]));
  }

  /** A read that must succeed. */
  async read(offset: number, length: number): Promise<Buffer> {
    const { error, errors, data } = await this.request(nbd.COMMAND.read, { offset, length });
    if (error !== 0 || errors.length > 0)
      throw new Error(`reading ${length} bytes at ${offset}: error ${error || errors[0]?.error}`);
    return data;
  }

  /** A write that must succeed. */
  async write(offset: number, data: Buffer): Promise<void> {
    const { error } = await this.request(nbd.COMMAND.write, { offset, data });
    if (error !== 0) throw new Error(`writing ${data.length} bytes at ${offset}: error ${error}`);
  }

  /** Disconnects, and waits for the server to close the connection. */
  async disconnect(): Promise<void> {
    this.sendRequest(nbd.COMMAND.disconnect, {});
    await this.hungUp();
  }

  /** Resolves when the server has closed the connection. */
  async hungUp(): Promise<void> {
    while ((await this.#incoming.take(1)) !== undefined);
    this.socket.destroy();
  }

  async take(count: number): Promise<Buffer> {
    const bytes = await this.#incoming.take(count);
    if (bytes === undefined) throw new Error('the server hung up');
    return bytes;
  }

  #learn(option: number, { type, data }: OptionReply): void {
    if (option === nbd.OPTION.structuredReply && type === nbd.REPLY.ack) this.#structured = true;
    if (type !== nbd.REPLY.info || data.readUInt16BE(0) !== nbd.INFO.export) return;
    this.sizeBytes = Number(data.readBigUInt64BE(2));
    this.flags = data.readUInt16BE(10);
  }

  async #simpleReply(type: number, { length = 0 }: RequestParts): Promise<Reply> {
    const head = await this.take(16);
    if (head.readUInt32BE(0) !== nbd.SIMPLE_REPLY_MAGIC || head.readBigUInt64BE(8) !== this.#cookie)
      throw new Error('no simple reply');
    const error = head.readUInt32BE(4);
    const data = type === nbd.COMMAND.read && error === 0 ? await this.take(length) : Buffer.alloc(0);
    return { error, data, errors: [], holes: [], extents: [], chunks: 1 };
  }

  async #structuredReply({ offset = 0, length = 0 }: RequestParts): Promise<Reply> {
    const reply: Reply = {
      error: 0,
      data: Buffer.alloc(Math.min(length, nbd.MAX_REQUEST_BYTES), 0xee),
      errors: [],
      holes: [],
      extents: [],
      chunks: 0,
    };
    for (let isLast = false; !isLast; reply.chunks++) {
      const head = await this.take(20);
      if (head.readUInt32BE(0) !== nbd.STRUCTURED_REPLY_MAGIC || head.readBigUInt64BE(8) !== this.#cookie)
        throw new Error('no structured reply');
      isLast = (head.readUInt16BE(4) & nbd.CHUNK_DONE) !== 0;
      takeChunk(reply, head.readUInt16BE(6), { payload: await this.take(head.readUInt32BE(16)), offset: Number(offset) });
    }
    return reply;
  }
}

function takeChunk(reply: Reply, type: number, { payload, offset }: { payload: Buffer; offset: number }): void {
  switch (type) {
    case nbd.CHUNK.none:
      return;
    case nbd.CHUNK.offsetData:
      payload.copy(reply.data, Number(payload.readBigUInt64BE(0)) - offset, 8);
      return;
    case nbd.CHUNK.offsetHole: {
      const hole = { offset: Number(payload.readBigUInt64BE(0)), length: payload.readUInt32BE(8) };
      reply.holes.push(hole);
      reply.data.fill(0, hole.offset - offset, hole.offset - offset + hole.length);
      return;
    }
    case nbd.CHUNK.blockStatus:
      for (let at = 4; at < payload.length; at += 8)
        reply.extents.push({ length: payload.readUInt32BE(at), flags: payload.readUInt32BE(at + 4) });
      return;
    case nbd.CHUNK.error:
      reply.error = payload.readUInt32BE(0);
      return;
    case nbd.CHUNK.errorOffset: {
      const end = 6 + payload.readUInt16BE(4);
      reply.errors.push({
        error: payload.readUInt32BE(0),
        message: payload.toString('utf8', 6, end),
        offset: Number(payload.readBigUInt64BE(end)),
      });
      return;
    }
    default:
      throw new Error(`a chunk of type ${type}`);
  }
}

/** A text with its length before it. */
export function text(value: string): Buffer {
  return Buffer.concat([u32(Buffer.byteLength(value)), Buffer.from(value)]);
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}
