import { fstatSync, fsync, type NoParamCallback, writev as writevCallback } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { ByteSink } from '../../core/stream/request.ts';
import { BackyError, errnoOf } from '../../errors.ts';
import { unlessAborted } from '../../model/unless-aborted.ts';
import { growPipe } from '../../native/file-calls.ts';
import { cannotWriteTo } from './write-out.ts';

const writev = promisify(writevCallback);
const sync = promisify((fd: number, done: NoParamCallback) => fsync(fd, done));

/** Until the next try on a descriptor that its other users have made non-blocking. */
const RETRY_MS = 5;

/**
 * Writes bytes to stdout. A thread of Node's pool waits for the reader, so that a large block is
 * one system call and the main thread hears signals.
 */
export class ByteOut implements ByteSink {
  readonly #fd: number;

  /** @param fd stdout, unless a test has another. */
  constructor(fd = 1) {
    this.#fd = fd;
    growPipe(fd);
  }

  async write(pieces: readonly Uint8Array[], signal: AbortSignal): Promise<boolean> {
    let rest = pieces.filter(({ length }) => length > 0);
    while (rest.length > 0) {
      try {
        const { bytesWritten } = await unlessAborted(writev(this.#fd, rest), signal);
        rest = after(rest, bytesWritten);
      } catch (error) {
        signal.throwIfAborted();
        if (errnoOf(error) === 'EPIPE') return false;
        if (errnoOf(error) !== 'EAGAIN') throw cannotWriteTo(1, error);
        await sleep(RETRY_MS);
      }
    }
    return true;
  }

  async finish(signal: AbortSignal): Promise<void> {
    const stats = fstatSync(this.#fd);
    if (!stats.isFile() && !stats.isBlockDevice()) return;
    try {
      await unlessAborted(sync(this.#fd), signal);
    } catch (error) {
      if (error instanceof BackyError) throw error;
      throw cannotWriteTo(1, error);
    }
  }
}

/** Pieces without their first `count` bytes. */
function after(pieces: readonly Uint8Array[], count: number): Uint8Array[] {
  let left = count;
  return pieces.flatMap((piece) => {
    const rest = piece.subarray(Math.min(left, piece.length));
    left -= piece.length - rest.length;
    return rest.length === 0 ? [] : [rest];
  });
}
