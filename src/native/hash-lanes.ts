import { openOwnLibrary, ownLibraryPath } from './own-library.ts';

/**
 * Hashes with a library. `fewest`: from how many messages on it is faster than OpenSSL one by one.
 */
const HASHES = {
  sha512: { digestBytes: 64, fewest: (lanes: number) => (lanes === 8 ? 2 : 3) },
  md5: { digestBytes: 16, fewest: () => 2 },
} as const;

/** Hashes several messages at once. */
export interface HashLanes {
  /** Messages at once: 4 or 8. */
  readonly lanes: number;
  /** From this many messages on it is faster than OpenSSL one by one. */
  readonly fewest: number;
  /**
   * Digests in hex of up to {@link lanes} messages, which MUST all have the same length. Blocks the
   * thread.
   */
  digest(messages: readonly Uint8Array[]): string[];
}

/** Where a library is, and how many lanes of it to use at most. */
interface HashLanesOptions {
  path?: string;
  mostLanes?: number;
}

/** The C function of a library (`<hash>-lanes.c`). @returns 0; -1 when the numbers do not fit. */
type DigestCall = (
  ...args: [
    lanes: number,
    messages: readonly Uint8Array[],
    count: number,
    length: number,
    digests: Uint8Array,
    digestsSize: number,
  ]
) => number;

/**
 * Opens the library that the build made of `<hash>-lanes.c`. Undefined where there is none (no
 * compiler, another architecture) or the processor lacks the instructions. Costs some ms.
 */
export function openHashLanes(
  hash: keyof typeof HASHES,
  { path = ownLibraryPath(`${hash}-lanes`), mostLanes = 8 }: HashLanesOptions = {},
): HashLanes | undefined {
  const library = openOwnLibrary(path);
  if (library === undefined) return undefined;
  const lanes = Math.min(mostLanes, (library.func(`int backy2_${hash}_lanes(void)`) as () => number)());
  if (lanes === 0) return undefined;
  const call = library.func(
    `int backy2_${hash}(uint32_t lanes, const uint8_t **messages, uint32_t count, uint64_t length, _Out_ uint8_t *digests, uint64_t digests_size)`,
  ) as DigestCall;
  const { digestBytes, fewest } = HASHES[hash];
  const digests = Buffer.alloc(lanes * digestBytes);
  return {
    lanes,
    fewest: fewest(lanes),
    digest(messages) {
      if (messages.length === 0) return [];
      const length = messages[0]?.length ?? 0;
      // C sees addresses alone: it checks the numbers, but not the length of each message.
      const isEven = messages.every((message) => message.length === length);
      if (!isEven || call(lanes, messages, messages.length, length, digests, digests.length) !== 0)
        throw new Error('messages do not fit the lanes');
      return messages.map((_, lane) => digests.toString('hex', lane * digestBytes, (lane + 1) * digestBytes));
    },
  };
}

/**
 * Digests in hex of any messages: in lanes where enough of one length follow each other, else one
 * by one. Blocks the thread.
 */
export function digestAll(messages: readonly Uint8Array[], lanes: HashLanes, one: (bytes: Uint8Array) => string): string[] {
  return [...inLanes(messages, lanes)].flatMap((group) => (group.length >= lanes.fewest ? lanes.digest(group) : group.map(one)));
}

/**
 * Splits messages into runs of one length that fit the lanes: only the last block of an image is
 * shorter.
 */
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
