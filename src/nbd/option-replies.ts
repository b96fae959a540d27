import type { NbdExport, NbdExportEntry } from './disk.ts';
import {
  BASE_ALLOCATION,
  BASE_ALLOCATION_ID,
  EXPORT_FLAG,
  INFO,
  MAX_REQUEST_BYTES,
  OPTION,
  OPTION_REPLY_MAGIC,
  REPLY,
} from './numbers.ts';
import type { InfoRequest } from './option-requests.ts';

/** Length of the pieces in which a list of exports is sent. */
const LIST_PIECE_BYTES = 64 * 1024;

/** Properties of an export, as the client gets them. */
interface ExportInfo {
  sizeBytes: number;
  /** EXPORT_FLAG bits. */
  flags: number;
  description: string;
  /** Preferred length of requests, or a multiple of it. */
  preferredBytes: number;
}

/** Properties of an export for clients that have structured replies or not. */
export function infoOf({ sizeBytes, isReadOnly, description, preferredBytes }: NbdExport, structured: boolean): ExportInfo {
  const writing = isReadOnly ? EXPORT_FLAG.readOnly : EXPORT_FLAG.trim | EXPORT_FLAG.writeZeroes;
  // All connections share the export's image, so each reads what any other has written.
  const always = EXPORT_FLAG.hasFlags | EXPORT_FLAG.flush | EXPORT_FLAG.fua | EXPORT_FLAG.multiConn | EXPORT_FLAG.cache;
  return { sizeBytes, description, preferredBytes, flags: always | writing | (structured ? EXPORT_FLAG.df : 0) };
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
function listEntry(name: string, description: string): Buffer {
  const text = Buffer.from(name);
  const data = Buffer.alloc(4 + text.length);
  data.writeUInt32BE(text.length, 0);
  data.set(text, 4);
  return optionReply(OPTION.list, REPLY.server, Buffer.concat([data, Buffer.from(description)]));
}

/** Joins the entries of a list into a few long writes. */
export function* listPieces(entries: readonly NbdExportEntry[]): Generator<Buffer> {
  let piece: Buffer[] = [];
  let length = 0;
  for (const { name, description } of entries) {
    const entry = listEntry(name, description);
    piece.push(entry);
    length += entry.length;
    if (length < LIST_PIECE_BYTES) continue;
    yield Buffer.concat(piece);
    piece = [];
    length = 0;
  }
  if (piece.length > 0) yield Buffer.concat(piece);
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
