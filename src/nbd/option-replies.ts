import { BASE_ALLOCATION, BASE_ALLOCATION_ID, INFO, MAX_REQUEST_BYTES, OPTION_REPLY_MAGIC, REPLY } from './numbers.ts';

/** What negotiation tells of an export. */
export interface ExportFacts {
  sizeBytes: number;
  /** EXPORT_FLAG bits. */
  flags: number;
  description: string;
  /** Requests of this length, or its multiples, go best. */
  preferredBytes: number;
}

/** A reply to an option. */
export function optionReply(option: number, type: number, data: Uint8Array = new Uint8Array(0)): Buffer {
  const reply = Buffer.alloc(20 + data.length);
  reply.writeBigUInt64BE(OPTION_REPLY_MAGIC, 0);
  reply.writeUInt32BE(option, 8);
  reply.writeUInt32BE(type, 12);
  reply.writeUInt32BE(data.length, 16);
  reply.set(data, 20);
  return reply;
}

/** A refusal, with words for the user. */
export function refusal(option: number, type: number, message: string): Buffer {
  return optionReply(option, type, Buffer.from(message));
}

/** An entry of the list of exports. */
export function listEntry(option: number, name: string, description: string): Buffer {
  const text = Buffer.from(name);
  const data = Buffer.alloc(4 + text.length);
  data.writeUInt32BE(text.length, 0);
  data.set(text, 4);
  return optionReply(option, REPLY.server, Buffer.concat([data, Buffer.from(description)]));
}

/** The answers to INFO and GO, less the last. What was not asked for, and is not needed, is left out. */
export function infoReplies(option: number, facts: ExportFacts, asked: { name: string; infos: readonly number[] }): Buffer {
  const replies = [exportInfo(option, facts)];
  if (asked.infos.includes(INFO.name)) replies.push(textInfo(option, INFO.name, asked.name));
  if (asked.infos.includes(INFO.description)) replies.push(textInfo(option, INFO.description, facts.description));
  // Told to all: who does not know it passes over it, and 32 MiB is what everybody may send anyway.
  const sizes = Buffer.alloc(14);
  sizes.writeUInt16BE(INFO.blockSize, 0);
  sizes.writeUInt32BE(1, 2);
  sizes.writeUInt32BE(facts.preferredBytes, 6);
  sizes.writeUInt32BE(MAX_REQUEST_BYTES, 10);
  replies.push(optionReply(option, REPLY.info, sizes));
  return Buffer.concat(replies);
}

/** The answer to EXPORT_NAME, which has no frame. */
export function exportNameReply({ sizeBytes, flags }: ExportFacts, noZeroes: boolean): Buffer {
  const reply = Buffer.alloc(noZeroes ? 10 : 134);
  reply.writeBigUInt64BE(BigInt(sizeBytes), 0);
  reply.writeUInt16BE(flags, 8);
  return reply;
}

/** Names base:allocation. A list gives no id. */
export function metaContextReply(option: number, isList: boolean): Buffer {
  const id = Buffer.alloc(4);
  id.writeUInt32BE(isList ? 0 : BASE_ALLOCATION_ID, 0);
  return optionReply(option, REPLY.metaContext, Buffer.concat([id, Buffer.from(BASE_ALLOCATION)]));
}

function exportInfo(option: number, { sizeBytes, flags }: ExportFacts): Buffer {
  const data = Buffer.alloc(12);
  data.writeUInt16BE(INFO.export, 0);
  data.writeBigUInt64BE(BigInt(sizeBytes), 2);
  data.writeUInt16BE(flags, 10);
  return optionReply(option, REPLY.info, data);
}

function textInfo(option: number, kind: number, text: string): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(kind, 0);
  return optionReply(option, REPLY.info, Buffer.concat([head, Buffer.from(text)]));
}
