import { errnoOf } from '../errors.ts';
import type { Extent } from '../model/image-piece.ts';
import {
  BASE_ALLOCATION_ID,
  CHUNK,
  CHUNK_DONE,
  NBD_ERROR,
  SIMPLE_REPLY_MAGIC,
  STATE_HOLE_AND_ZERO,
  STRUCTURED_REPLY_MAGIC,
} from './numbers.ts';

/** Builds the header of a simple reply. Without an error, the data of a read follows. */
export function simpleReply(cookie: bigint, error: number): Buffer {
  const reply = Buffer.allocUnsafe(16);
  reply.writeUInt32BE(SIMPLE_REPLY_MAGIC, 0);
  reply.writeUInt32BE(error, 4);
  reply.writeBigUInt64BE(cookie, 8);
  return reply;
}

/** Builds the empty last chunk of a structured reply. */
export function doneChunk(cookie: bigint): Buffer {
  return chunkHead(cookie, { flags: CHUNK_DONE, type: CHUNK.none, length: 0 }, 0);
}

/** Builds the header of a data chunk. `length` bytes follow. */
export function dataChunkHead(cookie: bigint, offset: number, { length, isLast }: { length: number; isLast: boolean }): Buffer {
  const chunk = chunkHead(cookie, { flags: isLast ? CHUNK_DONE : 0, type: CHUNK.offsetData, length: 8 + length }, 8);
  chunk.writeBigUInt64BE(BigInt(offset), 20);
  return chunk;
}

/** Builds a chunk that stands for zeros. */
export function holeChunk(cookie: bigint, offset: number, { length, isLast }: { length: number; isLast: boolean }): Buffer {
  const chunk = chunkHead(cookie, { flags: isLast ? CHUNK_DONE : 0, type: CHUNK.offsetHole, length: 12 }, 12);
  chunk.writeBigUInt64BE(BigInt(offset), 20);
  chunk.writeUInt32BE(length, 28);
  return chunk;
}

/**
 * Builds an error chunk: without an offset for the whole request, as its last chunk, else for what
 * starts there.
 */
export function errorChunk(cookie: bigint, error: number, { message, offset }: { message: string; offset?: number }): Buffer {
  const text = Buffer.from(message).subarray(0, 4000);
  const length = 6 + text.length + (offset === undefined ? 0 : 8);
  const type = offset === undefined ? CHUNK.error : CHUNK.errorOffset;
  const chunk = chunkHead(cookie, { flags: offset === undefined ? CHUNK_DONE : 0, type, length }, length);
  chunk.writeUInt32BE(error, 20);
  chunk.writeUInt16BE(text.length, 24);
  chunk.set(text, 26);
  if (offset !== undefined) chunk.writeBigUInt64BE(BigInt(offset), 26 + text.length);
  return chunk;
}

/** Builds the base:allocation chunk of a range, from its start. */
export function blockStatusChunk(cookie: bigint, extents: readonly Extent[]): Buffer {
  const length = 4 + extents.length * 8;
  const chunk = chunkHead(cookie, { flags: CHUNK_DONE, type: CHUNK.blockStatus, length }, length);
  chunk.writeUInt32BE(BASE_ALLOCATION_ID, 20);
  for (const [i, extent] of extents.entries()) {
    chunk.writeUInt32BE(extent.length, 24 + i * 8);
    chunk.writeUInt32BE(extent.isZero ? STATE_HOLE_AND_ZERO : 0, 28 + i * 8);
  }
  return chunk;
}

interface ChunkHead {
  flags: number;
  type: number;
  /** Of the payload. */
  length: number;
}

/** @param payloadBytes bytes of the payload that the buffer has space for. */
function chunkHead(cookie: bigint, { flags, type, length }: ChunkHead, payloadBytes: number): Buffer {
  const chunk = Buffer.allocUnsafe(20 + payloadBytes);
  chunk.writeUInt32BE(STRUCTURED_REPLY_MAGIC, 0);
  chunk.writeUInt16BE(flags, 4);
  chunk.writeUInt16BE(type, 6);
  chunk.writeBigUInt64BE(cookie, 8);
  chunk.writeUInt32BE(length, 16);
  return chunk;
}

/** Why a request failed: an error number of the protocol, and a text for clients that show it. */
export interface Failure {
  error: number;
  message: string;
}

/** Builds the reply to a request that failed as a whole. */
export function failureReply(cookie: bigint, { error, message }: Failure, structured: boolean): Buffer {
  return structured ? errorChunk(cookie, error, { message }) : simpleReply(cookie, error);
}

/** The protocol's error number for a failure of the disk. */
export function wireError(error: unknown): number {
  const errno = errnoOf(error instanceof Error ? (error.cause ?? error) : error);
  return errno === 'ENOSPC' || errno === 'EDQUOT' ? NBD_ERROR.ENOSPC : NBD_ERROR.EIO;
}
