import { createHash } from 'node:crypto';
import { BackyError } from '../../errors.ts';
import { hexDigests } from '../../model/hex-digests.ts';
import type { CallThread } from '../../native/async-call.ts';
import { digestAll, openHashLanes } from '../../native/hash-lanes.ts';

/** Names of Python's hashlib that OpenSSL spells otherwise. */
const OPENSSL_NAMES: Record<string, string> = { blake2b: 'blake2b512', blake2s: 'blake2s256' };

/** Checksums of blocks: lower-case hex. */
export interface Hasher {
  /** Blocks to hash at once for the best speed; 1 if that gains nothing. */
  readonly batch: number;
  /**
   * The checksums of `blocks`, in their order. Their bytes MUST NOT change until it resolves.
   * Blocks the thread where it can't use lanes.
   */
  digest(blocks: readonly Uint8Array[], where: CallThread): Promise<string[]>;
}

/**
 * The hasher for a `hash_function` of Python's hashlib (docs/spec/formats.md §1). An unknown name
 * is an error. `lanes` hash several blocks at once; null for OpenSSL alone.
 */
export function hasherFor(
  hashFunction: string,
  lanes = hashFunction === 'sha512' ? (openHashLanes('sha512') ?? null) : null,
): Hasher {
  const one = opensslHash(hashFunction);
  if (lanes === null) return { batch: 1, digest: async (blocks) => blocks.map(one) };
  return {
    batch: lanes.lanes,
    digest: (blocks, where) => digestAll(blocks, { lanes, one, where }),
  };
}

function opensslHash(hashFunction: string): (bytes: Uint8Array) => string {
  const algorithm = OPENSSL_NAMES[hashFunction] ?? hashFunction.replace(/^sha3_/, 'sha3-');
  try {
    createHash(algorithm);
  } catch (error) {
    throw new BackyError('config', `[DEFAULTS] hash_function: "${hashFunction}" is not available here.`, {
      hint: 'This Node.js was built without it. Take another one for new installations: sha512 is always there.',
      cause: error,
    });
  }
  return hexDigests(algorithm);
}
