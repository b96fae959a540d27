import xxhash from 'xxhash-wasm';

let loading: ReturnType<typeof xxhash> | undefined;

/**
 * The key of a lock's name in PostgreSQL: xxhash64 of its UTF-8 bytes, seed 0, as a signed 64-bit
 * integer. Every host must come to the same one, whatever its release: MUST NOT change.
 */
export async function lockKey(name: string): Promise<bigint> {
  loading ??= xxhash();
  const { h64 } = await loading;
  return BigInt.asIntN(64, h64(name));
}
