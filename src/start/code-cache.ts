import zlib from 'node:zlib';

/** Length of {@link sourceId}. */
const ID_LENGTH = 16;
const NEWLINE = 10;

/**
 * Identity of a bundle's text: the build ends each bundle with a comment that has its hash. So a
 * start need not hash anything, and a cache of another build never matches.
 */
export function sourceId(source: string): string {
  return source.slice(-ID_LENGTH);
}

/**
 * The file for V8's `data` of the source `id`: a line that says what it belongs to, then the data.
 */
export function packCodeCache(data: Buffer, id: string): Buffer {
  return Buffer.concat([Buffer.from(`${keyOf(id)} ${zlib.crc32(data)}\n`), data]);
}

/**
 * The data in such a file, or undefined if it belongs to another V8, processor or source, or is
 * damaged. V8 checks its version and flags as well, but newer ones trust the content.
 */
export function unpackCodeCache(file: Buffer, id: string): Buffer | undefined {
  // Node has no crc32 before 20.15. Such a Node starts without a cache.
  if (typeof zlib.crc32 !== 'function') return undefined;
  const end = file.indexOf(NEWLINE);
  const data = file.subarray(end + 1);
  return file.toString('latin1', 0, Math.max(end, 0)) === `${keyOf(id)} ${zlib.crc32(data)}` ? data : undefined;
}

function keyOf(id: string): string {
  return `backy2-code ${process.versions.v8} ${process.arch} ${id}`;
}
