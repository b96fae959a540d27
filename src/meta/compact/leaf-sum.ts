import xxhash from 'xxhash-wasm';

let loading: Promise<LeafHash> | undefined;

/** xxhash64, seed 0, as 8 bytes, the highest first. */
export type LeafHash = (data: Uint8Array) => Buffer;

/** Loads the hash of leaves. MUST be awaited before a transaction that needs it. */
export function leafHash(): Promise<LeafHash> {
  loading ??= load();
  return loading;
}

async function load(): Promise<LeafHash> {
  const { h64Raw } = await xxhash();
  return (data) => {
    const sum = Buffer.allocUnsafe(8);
    sum.writeBigUInt64BE(h64Raw(data));
    return sum;
  };
}
