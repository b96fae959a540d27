import { createRequire } from 'node:module';
import { BackyError, messageOf } from '../errors.ts';
import { once } from './once.ts';

/** The calls of libzstd that blobs need. Results below 0 are error numbers. */
interface LibZstd {
  createCompressor(): unknown;
  createDecompressor(): unknown;
  compress(context: unknown, into: Uint8Array, room: number, from: Uint8Array, length: number, level: number): number;
  decompress(context: unknown, into: Uint8Array, room: number, from: Uint8Array, length: number): number;
  frameContentSize(from: Uint8Array, length: number): number;
  errorName(result: number): string;
}

/**
 * Answer of `ZSTD_getFrameContentSize` for a frame without its size. Any other negative answer
 * means that it is no frame.
 */
const CONTENT_SIZE_UNKNOWN = -1;

/**
 * One zstd context for each direction, reused: making one costs more than compressing a small
 * block. Belongs to one thread.
 */
export class Zstd {
  readonly #library = libzstd();
  readonly #level: number;
  #compressor: unknown;
  #decompressor: unknown;

  /** `level`: 1 to 19. Throws if the library is missing. */
  constructor(level: number) {
    this.#level = level;
  }

  /**
   * Compresses to one frame that has the content size in its header. Blocks the thread.
   * @param into MUST hold {@link compressBound} of the bytes.
   * @returns the frame's length in bytes.
   */
  compress(from: Uint8Array, into: Uint8Array): number {
    this.#compressor ??= this.#library.createCompressor();
    const length = this.#library.compress(this.#compressor, into, into.length, from, from.length, this.#level);
    if (length < 0) throw new Error(`zstd can't compress: ${this.#library.errorName(length)}`);
    return length;
  }

  /**
   * Decompresses one frame into exactly `into`. Allocates nothing by the size in the frame.
   * @returns why it can't, or undefined when `into` is filled.
   */
  decompress(frame: Uint8Array, into: Uint8Array): string | undefined {
    const says = this.#library.frameContentSize(frame, frame.length);
    if (says !== into.length && says !== CONTENT_SIZE_UNKNOWN) {
      return says < 0 ? 'no zstd frame' : `a zstd frame of ${says} bytes where ${into.length} are expected`;
    }
    this.#decompressor ??= this.#library.createDecompressor();
    const length = this.#library.decompress(this.#decompressor, into, into.length, frame, frame.length);
    if (length < 0) return `a damaged zstd frame: ${this.#library.errorName(length)}`;
    return length === into.length ? undefined : `a zstd frame of ${length} bytes where ${into.length} are expected`;
  }
}

/**
 * The most bytes that zstd makes of `length` bytes: its macro ZSTD_COMPRESSBOUND, without the
 * library.
 */
export function compressBound(length: number): number {
  const small = 128 * 1024;
  return length + Math.floor(length / 256) + (length < small ? Math.floor((small - length) / 2048) : 0);
}

/** Loads koffi and the library on first use: only encryption needs them. */
const libzstd = once(load);

function load(): LibZstd {
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  let library: ReturnType<typeof koffi.load>;
  try {
    library = koffi.load('libzstd.so.1');
  } catch (error) {
    throw new BackyError('failed', `Cannot load libzstd.so.1, which encryption version 1 needs: ${messageOf(error)}`, {
      hint: 'Install it, on Debian and Ubuntu with: apt-get install libzstd1',
      cause: error,
    });
  }
  // Results are size_t, with errors as its highest values: read as signed, these are below 0.
  const compress =
    'int64_t ZSTD_compressCCtx(void *context, void *into, size_t room, const void *from, size_t length, int level)';
  const decompress = 'int64_t ZSTD_decompressDCtx(void *context, void *into, size_t room, const void *from, size_t length)';
  return {
    createCompressor: library.func('void *ZSTD_createCCtx(void)') as LibZstd['createCompressor'],
    createDecompressor: library.func('void *ZSTD_createDCtx(void)') as LibZstd['createDecompressor'],
    compress: library.func(compress) as LibZstd['compress'],
    decompress: library.func(decompress) as LibZstd['decompress'],
    frameContentSize: library.func(
      'int64_t ZSTD_getFrameContentSize(const void *from, size_t length)',
    ) as LibZstd['frameContentSize'],
    errorName: library.func('const char *ZSTD_getErrorName(int64_t result)') as LibZstd['errorName'],
  };
}
