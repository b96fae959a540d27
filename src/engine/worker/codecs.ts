import type { BlobCodec } from '../../data/codec/codec.ts';
import { codecFor } from '../../data/codec/codec-for.ts';
import { plainCodec } from '../../data/codec/plain-codec.ts';
import type { WorkerSetup } from '../shared/messages.ts';
import { BufferPool } from './buffer-pool.ts';

/** A codec with buffers that hold any blob of this worker's blocks; none where it needs none. */
export interface BufferedCodec {
  codec: BlobCodec;
  buffers: BufferPool;
}

/** The codecs of one thread: blobs are written with one, and read with that of their row. Made on first use, since a library goes with them. */
export class Codecs {
  readonly #setup: WorkerSetup;
  readonly #made = new Map<number, BufferedCodec>();

  constructor(setup: WorkerSetup) {
    this.#setup = setup;
  }

  /** For blobs that are made. */
  get writing(): BufferedCodec {
    return this.#codec(this.#setup.encryption.version);
  }

  /** For a stored blob. The null backend makes blocks up and knows nothing of how they were encoded: what it gives is plain. */
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
