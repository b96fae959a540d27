import { closeSync, constants, fsyncSync, openSync, write as writeCallback } from 'node:fs';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { BackyError, errnoOf } from '../../errors.ts';
import type { StreamPlace } from './output-place.ts';
import { cannotWrite } from './whole-file.ts';

const write = promisify(writeCallback);

const { O_EXCL, O_NOCTTY, O_NONBLOCK, O_WRONLY } = constants;
/** How often to look for a reader of a pipe. */
const LOOK_MS = 50;

/** A pipe or device to write to. */
interface StreamFileOptions {
  place: StreamPlace;
  /** For the message of an error: `export to`. */
  verb: string;
  /** Ends the wait for a reader, and the writing. */
  signal: AbortSignal;
}

/**
 * Writes text into a pipe or device, which stays what it is. Waits for the reader of a pipe.
 * Anything but a BackyError becomes one with code `io`.
 */
export async function writeToStream(text: AsyncIterable<string>, { place, verb, signal }: StreamFileOptions): Promise<void> {
  try {
    await (place.isPipe ? writeToPipe(text, place.path, signal) : writeToDevice(text, place, signal));
  } catch (error) {
    if (error instanceof BackyError) throw error;
    signal.throwIfAborted();
    throw cannotWrite(verb, place.path, error);
  }
}

/** Through a socket of Node's: a reader that stops reading keeps no thread. */
async function writeToPipe(text: AsyncIterable<string>, path: string, signal: AbortSignal): Promise<void> {
  const { Socket } = await import('node:net');
  const fd = await openPipe(path, signal);
  const pipe: Writable = new Socket({ fd, readable: false, writable: true });
  await pipeline(text, pipe, { signal });
}

/** An open that waits for the reader would keep a thread, and hear no signal. */
async function openPipe(path: string, signal: AbortSignal): Promise<number> {
  for (;;) {
    try {
      return openSync(path, O_WRONLY | O_NONBLOCK);
    } catch (error) {
      if (errnoOf(error) !== 'ENXIO') throw error;
      await setTimeout(LOOK_MS, undefined, { signal });
    }
  }
}

async function writeToDevice(
  text: AsyncIterable<string>,
  { path, isBlockDevice }: StreamPlace,
  signal: AbortSignal,
): Promise<void> {
  // O_EXCL: the kernel refuses a block device that is mounted or in use.
  const fd = openSync(path, O_WRONLY | O_NOCTTY | (isBlockDevice ? O_EXCL : 0));
  try {
    for await (const piece of text) {
      signal.throwIfAborted();
      const bytes = Buffer.from(piece);
      for (let done = 0; done < bytes.length; ) done += (await write(fd, bytes, done)).bytesWritten;
    }
    if (isBlockDevice) fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
