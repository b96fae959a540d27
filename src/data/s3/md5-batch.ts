import { createHash } from 'node:crypto';
import { digestAll, type HashLanes, openHashLanes } from '../../native/hash-lanes.ts';

interface Waiting {
  bytes: Uint8Array;
  resolve(digest: string): void;
}

/**
 * MD5 digests in base64. All of one turn of the event loop are computed together: four take little
 * longer than one, 6 ms for 4 MiB. That is a seventh of the cost of a put.
 */
export class Md5Batch {
  /** Loaded with the first put; null if there are none. */
  #lanes: HashLanes | null | undefined;
  #waiting: Waiting[] = [];

  /** The bytes MUST NOT change until it resolves. Blocks the thread at the end of this turn. */
  digest(bytes: Uint8Array): Promise<string> {
    return new Promise((resolve) => {
      if (this.#waiting.length === 0) setImmediate(() => this.#flush());
      this.#waiting.push({ bytes, resolve });
    });
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    const messages = waiting.map(({ bytes }) => bytes);
    if (this.#lanes === undefined) this.#lanes = openHashLanes('md5') ?? null;
    const digests = this.#lanes === null ? messages.map(md5) : digestAll(messages, this.#lanes, md5);
    for (const [index, { resolve }] of waiting.entries()) resolve(Buffer.from(digests[index] ?? '', 'hex').toString('base64'));
  }
}

function md5(bytes: Uint8Array): string {
  return createHash('md5').update(bytes).digest('hex');
}
