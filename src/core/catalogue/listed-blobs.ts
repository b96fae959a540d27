import xxhash from 'xxhash-wasm';
import type { DataBackend } from '../../data/data-backend.ts';

const FIRST_CAPACITY = 1 << 16;
/** Slots that stand for a uid, of all: more make searches long. */
const FULL = 0.7;

/**
 * All blobs of a data backend, as xxhash64 of their uids: 11 to 23 bytes for each. That one of a
 * billion missing blobs passes for one of a billion that are there has a probability of 0.05.
 */
export class ListedBlobs {
  #slots = new BigUint64Array(FIRST_CAPACITY);
  #count = 0;
  readonly #hash: (uid: string) => bigint;

  private constructor(hash: (uid: string) => bigint) {
    this.#hash = hash;
  }

  /** An empty set. */
  static async none(): Promise<ListedBlobs> {
    return new ListedBlobs((await xxhash()).h64);
  }

  /** Lists all blobs. @param onListed called with their number, now and then; a throw ends it. */
  static async of(backend: DataBackend, onListed: (count: number) => void): Promise<ListedBlobs> {
    const blobs = await ListedBlobs.none();
    for await (const uid of backend.list('')) {
      blobs.add(uid);
      if (blobs.#count % 1000 === 0) onListed(blobs.#count);
    }
    return blobs;
  }

  /** How many there are. */
  get count(): number {
    return this.#count;
  }

  add(uid: string): void {
    if (this.#count >= this.#slots.length * FULL) this.#grow();
    if (this.#insert(this.#keyOf(uid))) this.#count++;
  }

  has(uid: string): boolean {
    const key = this.#keyOf(uid);
    return this.#slots[this.#find(key)] === key;
  }

  /** 0 is a free slot. */
  #keyOf(uid: string): bigint {
    return this.#hash(uid) || 1n;
  }

  #insert(key: bigint): boolean {
    const slot = this.#find(key);
    if (this.#slots[slot] === key) return false;
    this.#slots[slot] = key;
    return true;
  }

  /** The slot that has the key, or the free one where its search ends (linear probing). */
  #find(key: bigint): number {
    const mask = this.#slots.length - 1;
    let slot = Number(BigInt.asUintN(32, key)) & mask;
    while (this.#slots[slot] !== 0n && this.#slots[slot] !== key) slot = (slot + 1) & mask;
    return slot;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new BigUint64Array(old.length * 2);
    for (const key of old) if (key !== 0n) this.#insert(key);
  }
}
