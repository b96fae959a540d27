const FIRST_SLOTS = 1 << 12;
/** Slots that stand for a uid, of all: more make searches long. */
const FULL = 0.7;

/**
 * The last id of a blob for each uid, by a hash of 64 bits: another uid may be found in its place,
 * so look at the blob. 23 to 46 bytes for each uid.
 */
export class UidTable {
  #low = new Int32Array(FIRST_SLOTS);
  #high = new Int32Array(FIRST_SLOTS);
  /** 0: a free slot. */
  #ids = new Float64Array(FIRST_SLOTS);
  #count = 0;

  /** Undefined: no blob has this uid. */
  get(uid: string): number | undefined {
    return this.#ids[this.#find(...hashOf(uid))] || undefined;
  }

  set(uid: string, id: number): void {
    if (this.#count >= this.#ids.length * FULL) this.#grow();
    if (this.#put(...hashOf(uid), id)) this.#count++;
  }

  #put(low: number, high: number, id: number): boolean {
    const slot = this.#find(low, high);
    const isNew = this.#ids[slot] === 0;
    this.#low[slot] = low;
    this.#high[slot] = high;
    this.#ids[slot] = id;
    return isNew;
  }

  /** The slot that has the hash, or the free one where its search ends (linear probing). */
  #find(low: number, high: number): number {
    const mask = this.#ids.length - 1;
    let slot = low & mask;
    while (this.#ids[slot] !== 0 && (this.#low[slot] !== low || this.#high[slot] !== high)) slot = (slot + 1) & mask;
    return slot;
  }

  #grow(): void {
    const [low, high, ids] = [this.#low, this.#high, this.#ids];
    this.#low = new Int32Array(low.length * 2);
    this.#high = new Int32Array(low.length * 2);
    this.#ids = new Float64Array(low.length * 2);
    for (let i = 0; i < ids.length; i++) if (ids[i] !== 0) this.#put(low[i] as number, high[i] as number, ids[i] as number);
  }
}

/** Two hashes of 32 bits: FNV-1a, and one with another prime. */
function hashOf(text: string): [low: number, high: number] {
  let low = 0x811c9dc5;
  let high = 0x9747b28c;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    low = Math.imul(low ^ unit, 0x01000193);
    high = Math.imul(high ^ unit, 0x5bd1e995);
  }
  low ^= low >>> 15;
  return [low | 0, high | 0];
}
