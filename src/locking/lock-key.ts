import xxhash from 'xxhash-wasm';

let loading: ReturnType<typeof xxhash> | undefined;

/**
 * The key of a lock's name in PostgreSQL: xxhash64 of its UTF-8 bytes, seed 0, as a signed 64-bit
 * integer. All hosts and releases MUST compute the same key: it MUST NOT change.
 */
export async function lockKey(name: string): Promise<bigint> {
  loading ??= xxhash();
  const { h64 } = await loading;
  return BigInt.asIntN(64, h64(name));
}
