import { closeSync, existsSync, openSync, readSync, realpathSync } from 'node:fs';
import { errnoOf } from '../../errors.ts';
import { type CommitMark, markInPage } from './commit-mark.ts';
import { descriptorsOf } from './descriptors.ts';

/** https://www.sqlite.org/fileformat2.html#walformat */
const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
const MAGIC = 0x377f0682;
/** Bytes that are read at a time. */
const READ_BYTES = 1024 * 1024;

/** The first committed transaction of a WAL that has a mark. */
export interface FirstMark extends CommitMark {
  pageNumber: number;
  pageBytes: number;
}

/**
 * Reads a WAL from its start. @returns undefined when no transaction in it is committed and marked.
 */
export function firstMarkOf(walPath: string): FirstMark | undefined {
  const fd = openIfThere(walPath);
  if (fd === undefined) return undefined;
  try {
    const header = Buffer.alloc(HEADER_BYTES);
    if (readSync(fd, header, 0, HEADER_BYTES, 0) < HEADER_BYTES) return undefined;
    const magic = header.readUInt32BE(0);
    const pageBytes = header.readUInt32BE(8);
    if (magic >>> 1 !== MAGIC >>> 1 || pageBytes < 512 || pageBytes > 65_536) return undefined;
    return findMark(fd, { header, pageBytes, bigEndian: magic !== MAGIC });
  } finally {
    closeSync(fd);
  }
}

/** https://www.sqlite.org/fileformat2.html#file_format_version_numbers */
const FORMAT_VERSION_AT = 18;
const FORMAT_WITH_WAL = 2;

/** Whether a database was left with a WAL, empty or not. False if this process has it open. */
export function headerHasWal(path: string): boolean {
  // Closing our descriptor would release SQLite's locks.
  if (existsSync(path) && descriptorsOf(realpathSync(path)).length > 0) return false;
  const fd = openIfThere(path);
  if (fd === undefined) return false;
  try {
    const version = Buffer.alloc(1);
    return readSync(fd, version, 0, 1, FORMAT_VERSION_AT) === 1 && version.readUInt8(0) === FORMAT_WITH_WAL;
  } finally {
    closeSync(fd);
  }
}

interface WalHeader {
  header: Buffer;
  pageBytes: number;
  /** How the words of the checksum are read. */
  bigEndian: boolean;
}

/**
 * Frames count up to the first one with other salts or a wrong checksum: that one belongs to an
 * older WAL, or was not written completely.
 */
function findMark(fd: number, { header, pageBytes, bigEndian }: WalHeader): FirstMark | undefined {
  const salts = header.subarray(16, 24);
  const sum = new Checksum(bigEndian);
  sum.add(header.subarray(0, 24));
  if (!sum.is(header.subarray(24, 32))) return undefined;
  let found: FirstMark | undefined;
  for (const frame of frames(fd, pageBytes)) {
    if (!frame.subarray(8, 16).equals(salts)) return undefined;
    sum.add(frame.subarray(0, 8));
    const page = frame.subarray(FRAME_HEADER_BYTES);
    sum.add(page);
    if (!sum.is(frame.subarray(16, 24))) return undefined;
    const mark = markInPage(page);
    // A page that was written before its transaction ended comes again: the last one counts.
    if (mark !== undefined) found = { ...mark, pageBytes, pageNumber: frame.readUInt32BE(0) };
    const isCommit = frame.readUInt32BE(4) !== 0;
    if (isCommit && found !== undefined) return found;
  }
  return undefined;
}

function* frames(fd: number, pageBytes: number): Generator<Buffer> {
  const frameBytes = FRAME_HEADER_BYTES + pageBytes;
  const buffer = Buffer.alloc(Math.max(1, Math.floor(READ_BYTES / frameBytes)) * frameBytes);
  for (let position = HEADER_BYTES; ; ) {
    const bytes = readSync(fd, buffer, 0, buffer.length, position);
    const whole = bytes - (bytes % frameBytes);
    if (whole === 0) return;
    for (let start = 0; start < whole; start += frameBytes) yield buffer.subarray(start, start + frameBytes);
    position += whole;
  }
}

/** The WAL's checksum, which covers all earlier frames too. */
class Checksum {
  readonly #bigEndian: boolean;
  #one = 0;
  #two = 0;

  constructor(bigEndian: boolean) {
    this.#bigEndian = bigEndian;
  }

  /** A multiple of 8 bytes. */
  add(bytes: Buffer): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let one = this.#one;
    let two = this.#two;
    for (let at = 0; at < bytes.length; at += 8) {
      one = (one + view.getUint32(at, !this.#bigEndian) + two) | 0;
      two = (two + view.getUint32(at + 4, !this.#bigEndian) + one) | 0;
    }
    this.#one = one;
    this.#two = two;
  }

  is(stored: Buffer): boolean {
    return stored.readInt32BE(0) === this.#one && stored.readInt32BE(4) === this.#two;
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
