import * as crypto from 'node:crypto';
import { BackyError } from '../errors.ts';

/** Names of Python's hashlib that OpenSSL spells otherwise. */
const OPENSSL_NAMES: Record<string, string> = { blake2b: 'blake2b512', blake2s: 'blake2s256' };

/** A function from bytes to their checksum: lower-case hex. */
export type Hasher = (bytes: Uint8Array) => string;

/** The hasher for a `hash_function` of Python's hashlib (formats.md §1). An unknown name is an error. */
export function hasherFor(hashFunction: string): Hasher {
  const algorithm = OPENSSL_NAMES[hashFunction] ?? hashFunction.replace(/^sha3_/, 'sha3-');
  try {
    crypto.createHash(algorithm);
  } catch (error) {
    throw new BackyError('config', `[DEFAULTS] hash_function: "${hashFunction}" is not available here.`, { cause: error });
  }
  // The one-shot form (Node 20.12) halves the cost of small blocks.
  if (typeof crypto.hash === 'function') return (bytes) => crypto.hash(algorithm, bytes, 'hex');
  return (bytes) => crypto.createHash(algorithm).update(bytes).digest('hex');
}
