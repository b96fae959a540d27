import { type CallThread, settled } from './async-call.ts';
import { openOwnLibrary, ownLibraryPath } from './own-library.ts';

/**
 * Hashes with a library. `fewest`: from how many messages on it is faster than OpenSSL one by one.
 */
const HASHES = {
  sha512: { digestBytes: 64, fewest: (lanes: number) => (lanes === 8 ? 2 : 3) },
  md5: { digestBytes: 16, fewest: () => 2 },
} as const;

/** Fewer bytes are hashed in less than 0.3 ms, and a thread of the pool is as slow to wake. */
const LEAST_ASYNC_BYTES = 512 * 1024;

/** Hashes several messages at once. */
export interface HashLanes {
  /** Messages at once: 4 or 8. */
  readonly lanes: number;
  /** From this many messages on it is faster than OpenSSL one by one. */
  readonly fewest: number;
  /**
   * Digests in hex of up to {@link lanes} messages, which MUST all have the same length and MUST
   * NOT change until it resolves. Few bytes are hashed here in any case.
   */
  digest(messages: readonly Uint8Array[], where: CallThread): Promise<string[]>;
}

/** Where a library is, and how many lanes of it to use at most. */
interface HashLanesOptions {
  path?: string;
  mostLanes?: number;
}

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
    `int backy2_${hash}(uint32_t lanes, const uint8_t **messages, uint32_t count, uint64_t length, void *digests, uint64_t digests_size)`,
  );
  const { digestBytes, fewest } = HASHES[hash];
  return {
    lanes,
    fewest: fewest(lanes),
    async digest(messages, where) {
      if (messages.length === 0) return [];
      const count = messages.length;
      const length = messages[0]?.length ?? 0;
      const digests = Buffer.alloc(count * digestBytes);
      const words = [lanes, messages, count, length, digests, digests.length];
      // C sees addresses alone: it checks the numbers, but not the length of each message.
      const isEven = messages.every((message) => message.length === length);
      const isAway = where === 'pool' && count * length >= LEAST_ASYNC_BYTES;
      const run = () =>
        isAway ? settled([...messages, digests], (done) => call.async(...words, done)) : (call(...words) as number);
      if (!isEven || (await run()) !== 0) throw new Error('messages do not fit the lanes');
      return messages.map((_, lane) => digests.toString('hex', lane * digestBytes, (lane + 1) * digestBytes));
    },
  };
}

/**
 * Digests in hex of any messages: in lanes where enough of one length follow each other, else one
 * by one, which blocks the thread. See {@link HashLanes.digest}.
 */
export async function digestAll(
  messages: readonly Uint8Array[],
  { lanes, one, where }: { lanes: HashLanes; one: (bytes: Uint8Array) => string; where: CallThread },
): Promise<string[]> {
  const digests: string[] = [];
  for (const group of inLanes(messages, lanes))
    digests.push(...(group.length >= lanes.fewest ? await lanes.digest(group, where) : group.map(one)));
  return digests;
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
