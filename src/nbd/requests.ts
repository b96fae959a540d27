import { COMMAND, COMMAND_FLAG, MAX_REQUEST_BYTES, NBD_ERROR, REQUEST_MAGIC } from './numbers.ts';

/** A request, without its data. */
export interface NbdRequest {
  flags: number;
  type: number;
  cookie: bigint;
  offset: number;
  length: number;
}

/** What a connection agreed on, as far as requests go. */
export interface RequestRules {
  sizeBytes: number;
  readOnly: boolean;
  structured: boolean;
  blockStatus: boolean;
}

/** Reads the 28 bytes of a request; undefined when they are none. An offset that no image reaches becomes the largest there is. */
export function parseRequest(head: Buffer): NbdRequest | undefined {
  if (head.readUInt32BE(0) !== REQUEST_MAGIC) return undefined;
  const offset = head.readBigUInt64BE(16);
  return {
    flags: head.readUInt16BE(4),
    type: head.readUInt16BE(6),
    cookie: head.readBigUInt64BE(8),
    offset: offset > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(offset),
    length: head.readUInt32BE(24),
  };
}

/** Flags that each command may have. */
const ALLOWED_FLAGS = new Map<number, number>([
  [COMMAND.read, COMMAND_FLAG.df | COMMAND_FLAG.fua],
  [COMMAND.write, COMMAND_FLAG.fua],
  [COMMAND.flush, COMMAND_FLAG.fua],
  [COMMAND.trim, COMMAND_FLAG.fua],
  [COMMAND.cache, COMMAND_FLAG.fua],
  [COMMAND.writeZeroes, COMMAND_FLAG.fua | COMMAND_FLAG.noHole],
  [COMMAND.blockStatus, COMMAND_FLAG.reqOne | COMMAND_FLAG.fua],
]);
const WRITES = new Set<number>([COMMAND.write, COMMAND.trim, COMMAND.writeZeroes]);
const NO_LIMIT = new Set<number>([COMMAND.trim, COMMAND.writeZeroes, COMMAND.blockStatus, COMMAND.cache]);

/** Why a request can't be done, as a number of the wire; undefined: it can. */
export function whyRefused(request: NbdRequest, rules: RequestRules): number | undefined {
  const { type, flags, offset, length } = request;
  const allowed = ALLOWED_FLAGS.get(type);
  if (allowed === undefined) return NBD_ERROR.EINVAL;
  if (WRITES.has(type) && rules.readOnly) return NBD_ERROR.EPERM;
  if ((flags & ~allowed) !== 0) return NBD_ERROR.EINVAL;
  if ((flags & COMMAND_FLAG.df) !== 0 && !rules.structured) return NBD_ERROR.EINVAL;
  if (type === COMMAND.flush) return undefined;
  if (type === COMMAND.blockStatus && (!rules.blockStatus || length === 0)) return NBD_ERROR.EINVAL;
  if (length > MAX_REQUEST_BYTES && !NO_LIMIT.has(type)) return NBD_ERROR.EINVAL;
  if (offset + length > rules.sizeBytes)
    return type === COMMAND.write || type === COMMAND.writeZeroes ? NBD_ERROR.ENOSPC : NBD_ERROR.EINVAL;
  return undefined;
}
