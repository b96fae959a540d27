import { IncomingMessage } from 'node:http';
import { addAbortSignal, type Readable } from 'node:stream';

/** The body of an answer, and the buffer for it. */
interface BodyTarget {
  into: Uint8Array;
  /** Bytes by the answer's header, if it has one. */
  length: number | undefined;
  signal: AbortSignal;
}

/**
 * Reads a body into `into`, as much as fits. Rejects when it ends before its promised length.
 * @returns its whole length. A body longer than `into` is not read to its end: that costs the
 * connection, but not the bytes.
 */
export async function readBody(body: Readable, { into, length, signal }: BodyTarget): Promise<number> {
  addAbortSignal(signal, body);
  let received = 0;
  const wanted = length !== undefined && length > into.length ? into.length : undefined;
  // The reason of a lost connection: the body's own error only says "aborted".
  const socket = body instanceof IncomingMessage ? body.socket : undefined;
  await new Promise<void>((resolve, reject) => {
    body.on('data', (chunk: Buffer) => {
      if (received < into.length) into.set(chunk.subarray(0, into.length - received), received);
      received += chunk.length;
      if (wanted === undefined || received < wanted) return;
      resolve();
      body.destroy();
    });
    body.once('end', resolve);
    body.once('error', (error) => reject(socket?.errored ?? error));
    body.once('close', () => reject(new CutBody(received, length)));
  });
  if (wanted !== undefined) return length ?? received;
  if (length !== undefined && received !== length) throw new CutBody(received, length);
  return received;
}

/** A body that ended too early. */
class CutBody extends Error {
  constructor(received: number, length: number | undefined) {
    super(`the answer ended after ${received} of ${length ?? 'unknown'} bytes`);
    this.name = 'CutBody';
  }
}
