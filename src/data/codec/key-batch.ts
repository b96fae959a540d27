import { AES_BLOCK_BYTES } from '../../native/aes.ts';
import { fastestAes } from '../../native/fastest-aes.ts';
import { KEY_BYTES, WRAPPED_KEY_BYTES } from './key-wrap.ts';

/** Bytes of a word: words are quicker to move than bytes. The lengths below are words. */
const WORD_BYTES = 4;
const BLOCK = AES_BLOCK_BYTES / WORD_BYTES;
/** RFC 3394 works on halves of a block of AES. */
const HALF = BLOCK / 2;
const KEY = KEY_BYTES / WORD_BYTES;
const WRAPPED = WRAPPED_KEY_BYTES / WORD_BYTES;
/** Halves of a data key. */
const PARTS = KEY / HALF;
const STEPS = 6 * PARTS;
const IV = 0xa6a6a6a6;
/** The number of each step in the last byte of a half: of its second word. */
const NUMBERS = Array.from({ length: STEPS + 1 }, (_, step) => new Uint32Array(Uint8Array.of(0, 0, 0, step).buffer)[0] ?? 0);

/** A half of each of many keys: the first begins at word `at`, each other `every` words later. */
interface Halves {
  words: Uint32Array;
  at: number;
  every: number;
}

/**
 * Wraps and unwraps many data keys by RFC 3394, with the results of `wrapKey` and `unwrapKey`. Each
 * step is one call of AES for all keys: 0.2 µs a key, not 10.
 */
export class KeyBatch {
  readonly #masterKey: Uint8Array;

  constructor(masterKey: Uint8Array) {
    this.#masterKey = masterKey;
  }

  /** @param keys of 32 bytes, one after the other. @returns the wrapped ones, 40 bytes each. */
  wrap(keys: Uint8Array): Buffer {
    const count = keys.length / KEY_BYTES;
    const parts = load(keys, { count, every: KEY, skip: 0 });
    const aes = fastestAes();
    let register = firstHalves(new Uint32Array(count * BLOCK).fill(IV));
    for (let step = 1; step <= STEPS; step++) {
      const blocks = parts[(step - 1) % PARTS] as Uint32Array;
      copyHalves(register, firstHalves(blocks), NUMBERS[step - 1]);
      aes.encryptBlocks(new Uint8Array(blocks.buffer), this.#masterKey);
      register = firstHalves(blocks);
    }
    const wrapped = store(parts, { count, every: WRAPPED, skip: HALF });
    copyHalves(register, { words: wrapped, at: 0, every: WRAPPED }, NUMBERS[STEPS]);
    return Buffer.from(wrapped.buffer);
  }

  /**
   * @param wrapped of 40 bytes, one after the other.
   * @returns the keys, 32 bytes each, and the places of those that are damaged, or wrapped with
   * another master key: these look the same.
   */
  unwrap(wrapped: Uint8Array): { keys: Buffer; misfits: number[] } {
    const count = wrapped.length / WRAPPED_KEY_BYTES;
    const parts = load(wrapped, { count, every: WRAPPED, skip: HALF });
    const aes = fastestAes();
    let register: Halves = { words: wordsOf(wrapped), at: 0, every: WRAPPED };
    for (let step = STEPS; step >= 1; step--) {
      const blocks = parts[(step - 1) % PARTS] as Uint32Array;
      copyHalves(register, firstHalves(blocks), NUMBERS[step]);
      aes.decryptBlocks(new Uint8Array(blocks.buffer), this.#masterKey);
      register = firstHalves(blocks);
    }
    const keys = Buffer.from(store(parts, { count, every: KEY, skip: 0 }).buffer);
    return { keys, misfits: misfitsOf(register.words) };
  }
}

/**
 * Blocks of AES for each part of many keys. Their second halves are that part; their first ones are
 * the register of RFC 3394 while the part takes its turn.
 * @param skip words of each key before its first part.
 */
function load(bytes: Uint8Array, { count, every, skip }: { count: number; every: number; skip: number }): Uint32Array[] {
  const words = wordsOf(bytes);
  return Array.from({ length: PARTS }, (_, part) => {
    const blocks = new Uint32Array(count * BLOCK);
    copyHalves({ words, at: skip + part * HALF, every }, secondHalves(blocks));
    return blocks;
  });
}

/** The inverse of {@link load}. */
function store(
  parts: readonly Uint32Array[],
  { count, every, skip }: { count: number; every: number; skip: number },
): Uint32Array {
  const words = new Uint32Array(count * every);
  for (const [part, blocks] of parts.entries()) copyHalves(secondHalves(blocks), { words, at: skip + part * HALF, every });
  return words;
}

const firstHalves = (words: Uint32Array): Halves => ({ words, at: 0, every: BLOCK });
const secondHalves = (words: Uint32Array): Halves => ({ words, at: HALF, every: BLOCK });

/** A copy, which begins at a whole word. */
function wordsOf(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(new Uint8Array(bytes).buffer);
}

/** Copies a half of each key, and mixes `number` into its second word. */
function copyHalves(from: Halves, to: Halves, number = 0): void {
  const [source, target] = [from.words, to.words];
  for (let read = from.at, write = to.at; read < source.length; read += from.every, write += to.every) {
    target[write] = source[read] as number;
    target[write + 1] = (source[read + 1] as number) ^ number;
  }
}

function misfitsOf(registers: Uint32Array): number[] {
  const misfits: number[] = [];
  for (let at = 0; at < registers.length; at += BLOCK)
    if (registers[at] !== IV || registers[at + 1] !== IV) misfits.push(at / BLOCK);
  return misfits;
}
