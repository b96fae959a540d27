import type { BlobCodec } from '../../data/codec/codec.ts';
import { codecFor } from '../../data/codec/codec-for.ts';
import { plainCodec } from '../../data/codec/plain-codec.ts';
import type { WorkerSetup } from '../shared/messages.ts';
import { BufferPool } from './buffer-pool.ts';

/** A codec with buffers, each large enough for any blob of this worker's blocks. */
export interface BufferedCodec {
  codec: BlobCodec;
  buffers: BufferPool;
}

/**
 * The codecs of a worker: one writes all blobs, the row of a blob says which one reads it. Made on
 * first use, since they load libraries.
 */
export class Codecs {
  readonly #setup: WorkerSetup;
  readonly #made = new Map<number, BufferedCodec>();

  constructor(setup: WorkerSetup) {
    this.#setup = setup;
  }

  /** For new blobs. */
  get writing(): BufferedCodec {
    return this.#codec(this.#setup.encryption.version);
  }

  /** For a stored blob. The null backend makes up plain blocks, however they were encoded. */
  reading(encVersion: number): BufferedCodec {
    return this.#codec(this.#setup.data.backend.type === 'null' ? plainCodec.encVersion : encVersion);
  }

  #codec(encVersion: number): BufferedCodec {
    let made = this.#made.get(encVersion);
    if (made === undefined) {
      const codec = codecFor(encVersion, this.#setup.encryption);
      made = { codec, buffers: new BufferPool(codec.maxStoredBytes(this.#setup.blockSize)) };
      this.#made.set(encVersion, made);
    }
    return made;
  }
}
