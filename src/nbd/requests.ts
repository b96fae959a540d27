import { COMMAND, COMMAND_FLAG, MAX_REQUEST_BYTES, NBD_ERROR, REQUEST_MAGIC } from './numbers.ts';

/** A request, without its data. */
export interface NbdRequest {
  flags: number;
  type: number;
  cookie: bigint;
  offset: number;
  length: number;
}

/** Results of the negotiation that decide which requests are allowed. */
export interface RequestRules {
  sizeBytes: number;
  readOnly: boolean;
  structured: boolean;
  blockStatus: boolean;
}

/**
 * Parses the 28 bytes of a request. Returns undefined if they are none. Offsets are capped at the
 * largest safe integer.
 */
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

/** Flags that each command allows. */
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
const UNLIMITED_LENGTH = new Set<number>([COMMAND.trim, COMMAND.writeZeroes, COMMAND.blockStatus, COMMAND.cache]);

/**
 * Returns the protocol's error number for a request that is refused, or undefined if it is allowed.
 */
export function refusalOf(request: NbdRequest, rules: RequestRules): number | undefined {
  const { type, flags, offset, length } = request;
  const allowed = ALLOWED_FLAGS.get(type);
  if (allowed === undefined) return NBD_ERROR.EINVAL;
  if (WRITES.has(type) && rules.readOnly) return NBD_ERROR.EPERM;
  if ((flags & ~allowed) !== 0) return NBD_ERROR.EINVAL;
  if ((flags & COMMAND_FLAG.df) !== 0 && !rules.structured) return NBD_ERROR.EINVAL;
  if (type === COMMAND.flush) return undefined;
  if (type === COMMAND.blockStatus && (!rules.blockStatus || length === 0)) return NBD_ERROR.EINVAL;
  if (length > MAX_REQUEST_BYTES && !UNLIMITED_LENGTH.has(type)) return NBD_ERROR.EINVAL;
  if (offset + length > rules.sizeBytes)
    return type === COMMAND.write || type === COMMAND.writeZeroes ? NBD_ERROR.ENOSPC : NBD_ERROR.EINVAL;
  return undefined;
}
