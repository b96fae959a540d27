import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** Hashes that there is a library for: the length of the digest, and from how many messages on it is faster than OpenSSL one by one. */
const HASHES = {
  sha512: { digestBytes: 64, fewest: (lanes: number) => (lanes === 8 ? 2 : 3) },
  md5: { digestBytes: 16, fewest: () => 2 },
} as const;

/** A hash of several messages at once. */
export interface HashLanes {
  /** How many messages are hashed at once: 4 or 8. */
  readonly lanes: number;
  /** From so many messages on it is faster than OpenSSL one by one. */
  readonly fewest: number;
  /** Digests in hex of 1 to {@link lanes} messages, which MUST all have the same length. Blocks the thread. */
  digest(messages: readonly Uint8Array[]): string[];
}

/**
 * The library that the build made of `<hash>-lanes.c`; undefined where there is none (no compiler then, another architecture) or the
 * processor has no use for it. `most`: use no more lanes than these.
 */
export function openHashLanes(hash: keyof typeof HASHES, path = libraryPath(hash), most = 8): HashLanes | undefined {
  if (!existsSync(path)) return undefined;
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  let library: ReturnType<typeof koffi.load>;
  try {
    library = koffi.load(path);
  } catch {
    // Built for another machine.
    return undefined;
  }
  const lanes = Math.min(most, (library.func(`int backy2_${hash}_lanes(void)`) as () => number)());
  if (lanes === 0) return undefined;
  const digestAtOnce = library.func(
    `void backy2_${hash}(uint32_t lanes, const uint8_t **messages, uint32_t count, uint64_t length, _Out_ uint8_t *digests)`,
  ) as (lanes: number, messages: readonly Uint8Array[], count: number, length: number, digests: Uint8Array) => void;
  const { digestBytes, fewest } = HASHES[hash];
  const digests = Buffer.alloc(lanes * digestBytes);
  return {
    lanes,
    fewest: fewest(lanes),
    digest(messages) {
      // The C side trusts what it is told.
      const length = messages[0]?.length ?? 0;
      if (messages.length > lanes || messages.some((message) => message.length !== length))
        throw new Error('messages do not fit the lanes');
      if (messages.length > 0) digestAtOnce(lanes, messages, messages.length, length, digests);
      return messages.map((_, lane) => digests.toString('hex', lane * digestBytes, (lane + 1) * digestBytes));
    },
  };
}

/** Digests in hex of any messages: in lanes where there are enough of one length in a row, else one by one. Blocks the thread. */
export function digestAll(messages: readonly Uint8Array[], lanes: HashLanes, one: (bytes: Uint8Array) => string): string[] {
  return [...inLanes(messages, lanes)].flatMap((group) => (group.length >= lanes.fewest ? lanes.digest(group) : group.map(one)));
}

/** Runs of messages of one length, none longer than the lanes: only the last block of an image differs from the others. */
function* inLanes(messages: readonly Uint8Array[], { lanes }: HashLanes): IterableIterator<Uint8Array[]> {
  let group: Uint8Array[] = [];
  for (const message of messages) {
    if (group.length === lanes || (group[0] !== undefined && group[0].length !== message.length)) {
      yield group;
      group = [];
    }
    group.push(message);
  }
  if (group.length > 0) yield group;
}

function libraryPath(hash: string): string {
  const beside = import.meta.url.endsWith('.ts') ? '../../dist' : '.';
  return fileURLToPath(new URL(`${beside}/${hash}-lanes.so`, import.meta.url));
}
