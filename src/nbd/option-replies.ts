import { BASE_ALLOCATION, BASE_ALLOCATION_ID, INFO, MAX_REQUEST_BYTES, OPTION_REPLY_MAGIC, REPLY } from './numbers.ts';
import type { InfoRequest } from './option-requests.ts';

/** Properties of an export, as the client gets them. */
export interface ExportInfo {
  sizeBytes: number;
  /** EXPORT_FLAG bits. */
  flags: number;
  description: string;
  /** Preferred length of requests, or a multiple of it. */
  preferredBytes: number;
}

/** Builds a reply to an option. */
export function optionReply(option: number, type: number, data: Uint8Array = new Uint8Array(0)): Buffer {
  const reply = Buffer.alloc(20 + data.length);
  reply.writeBigUInt64BE(OPTION_REPLY_MAGIC, 0);
  reply.writeUInt32BE(option, 8);
  reply.writeUInt32BE(type, 12);
  reply.writeUInt32BE(data.length, 16);
  reply.set(data, 20);
  return reply;
}

/** Builds an error reply. The client may show `message` to its user. */
export function refusal(option: number, type: number, message: string): Buffer {
  return optionReply(option, type, Buffer.from(message));
}

/** Builds an entry of the list of exports. */
export function listEntry(option: number, name: string, description: string): Buffer {
  const text = Buffer.from(name);
  const data = Buffer.alloc(4 + text.length);
  data.writeUInt32BE(text.length, 0);
  data.set(text, 4);
  return optionReply(option, REPLY.server, Buffer.concat([data, Buffer.from(description)]));
}

/**
 * Builds the replies to INFO and GO, except the final ack. Optional ones are sent on request only.
 */
export function infoReplies(option: number, info: ExportInfo, request: InfoRequest): Buffer {
  const replies = [exportReply(option, info)];
  if (request.infos.includes(INFO.name)) replies.push(textReply(option, INFO.name, request.name));
  if (request.infos.includes(INFO.description)) replies.push(textReply(option, INFO.description, info.description));
  // Sent always: clients ignore what they do not know, and 32 MiB is the protocol's default anyway.
  const sizes = Buffer.alloc(14);
  sizes.writeUInt16BE(INFO.blockSize, 0);
  sizes.writeUInt32BE(1, 2);
  sizes.writeUInt32BE(info.preferredBytes, 6);
  sizes.writeUInt32BE(MAX_REQUEST_BYTES, 10);
  replies.push(optionReply(option, REPLY.info, sizes));
  return Buffer.concat(replies);
}

/** Builds the reply to EXPORT_NAME, which has no header. */
export function exportNameReply({ sizeBytes, flags }: ExportInfo, noZeroes: boolean): Buffer {
  const reply = Buffer.alloc(noZeroes ? 10 : 134);
  reply.writeBigUInt64BE(BigInt(sizeBytes), 0);
  reply.writeUInt16BE(flags, 8);
  return reply;
}

/** Builds the reply that names base:allocation. In a list its id is 0. */
export function metaContextReply(option: number, isList: boolean): Buffer {
  const id = Buffer.alloc(4);
  id.writeUInt32BE(isList ? 0 : BASE_ALLOCATION_ID, 0);
  return optionReply(option, REPLY.metaContext, Buffer.concat([id, Buffer.from(BASE_ALLOCATION)]));
}

function exportReply(option: number, { sizeBytes, flags }: ExportInfo): Buffer {
  const data = Buffer.alloc(12);
  data.writeUInt16BE(INFO.export, 0);
  data.writeBigUInt64BE(BigInt(sizeBytes), 2);
  data.writeUInt16BE(flags, 10);
  return optionReply(option, REPLY.info, data);
}

function textReply(option: number, kind: number, text: string): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(kind, 0);
  return optionReply(option, REPLY.info, Buffer.concat([head, Buffer.from(text)]));
}
