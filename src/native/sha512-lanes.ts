import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const DIGEST_BYTES = 64;

/** SHA-512 of several messages at once. */
export interface Sha512Lanes {
  /** How many messages are hashed at once: 4 or 8. */
  readonly lanes: number;
  /** From so many messages on it is faster than OpenSSL one by one. */
  readonly fewest: number;
  /** Digests in hex of 1 to {@link lanes} messages, which MUST all have the same length. Blocks the thread. */
  digest(messages: readonly Uint8Array[]): string[];
}

/**
 * The library that the build made of sha512-lanes.c; undefined where there is none (no compiler then, another architecture) or the
 * processor has no use for it. `most`: use no more lanes than these.
 */
export function openSha512Lanes(path = libraryPath(), most = 8): Sha512Lanes | undefined {
  if (!existsSync(path)) return undefined;
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  let library: ReturnType<typeof koffi.load>;
  try {
    library = koffi.load(path);
  } catch {
    // Built for another machine.
    return undefined;
  }
  const lanes = Math.min(most, (library.func('int backy2_sha512_lanes(void)') as () => number)());
  if (lanes === 0) return undefined;
  const sha512 = library.func(
    'void backy2_sha512(uint32_t lanes, const uint8_t **messages, uint32_t count, uint64_t length, _Out_ uint8_t *digests)',
  ) as (lanes: number, messages: readonly Uint8Array[], count: number, length: number, digests: Uint8Array) => void;
  const digests = Buffer.alloc(lanes * DIGEST_BYTES);
  return {
    lanes,
    fewest: lanes === 8 ? 2 : 3,
    digest(messages) {
      // The C side trusts what it is told.
      const length = messages[0]?.length ?? 0;
      if (messages.length > lanes || messages.some((message) => message.length !== length))
        throw new Error('messages do not fit the lanes');
      if (messages.length > 0) sha512(lanes, messages, messages.length, length, digests);
      return messages.map((_, lane) => digests.toString('hex', lane * DIGEST_BYTES, (lane + 1) * DIGEST_BYTES));
    },
  };
}

function libraryPath(): string {
  const beside = import.meta.url.endsWith('.ts') ? '../../dist/sha512-lanes.so' : './sha512-lanes.so';
  return fileURLToPath(new URL(beside, import.meta.url));
}
