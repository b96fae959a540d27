import { hasItsPrefix, isBlobUid } from '../../data/blob-uid.ts';
import type { BlockRow } from '../../model/block.ts';
import { blockCount, blockLength, type Geometry } from '../../model/geometry.ts';
import type { Version } from '../../model/version.ts';
import { hasItsLength } from '../blocks/check-length.ts';

/** A problem of one row. */
export interface RowProblem {
  problem: 'uid' | 'checksum' | 'size' | 'key' | 'invalid';
  /** One line, without a full stop. */
  detail: string;
}

/** Digits of the checksums of all hash functions (docs/spec/formats.md §1). */
const CHECKSUM_DIGITS = new Set([32, 40, 56, 64, 96, 128]);
const HEX = /^[0-9a-f]+$/;
/** Digits of a wrapped data key, and of a nonce (docs/spec/formats.md §4). */
const [KEY_DIGITS, NONCE_DIGITS] = [80, 32];

/**
 * The first problem of a row that shows without its blob. @param geometry undefined: the length of
 * blocks is not known.
 */
export function problemOfRow(row: BlockRow, geometry: Geometry | undefined, isValid: boolean): RowProblem | undefined {
  if (row.uid !== null && !(isBlobUid(row.uid) && hasItsPrefix(row.uid)))
    return { problem: 'uid', detail: `${JSON.stringify(row.uid)} is no uid of a blob` };
  if (row.uid !== null && !isChecksum(row.checksum))
    return { problem: 'checksum', detail: `${JSON.stringify(row.checksum)} is no checksum` };
  if (geometry !== undefined && !hasItsLength(row, geometry))
    return { problem: 'size', detail: `it has ${row.size} bytes, but should have ${blockLength(geometry, row.id)}` };
  if (row.uid !== null && !isSealedRight(row))
    return { problem: 'key', detail: `its key and nonce do not fit encryption version ${row.encVersion}` };
  if (isValid && !row.valid) return { problem: 'invalid', detail: 'it is invalid, but the version is valid' };
  return undefined;
}

function isChecksum(checksum: string | null): boolean {
  return checksum !== null && CHECKSUM_DIGITS.has(checksum.length) && HEX.test(checksum);
}

/** Blobs that are not encrypted need nothing, whatever their rows hold. */
function isSealedRight({ encVersion, envKey, nonce }: BlockRow): boolean {
  if (encVersion === 0) return true;
  const isHex = (text: string | null, digits: number) => text !== null && text.length === digits && HEX.test(text);
  return encVersion === 1 && isHex(envKey, KEY_DIGITS) && isHex(nonce, NONCE_DIGITS);
}

/** Whether blocks of this length make a version of this size. */
export function fitsBlockSize({ size, sizeBytes }: Version, blockSize: number): boolean {
  return blockSize > 0 && blockCount({ blockSize, sizeBytes }) === size;
}
