import type { Decision, StoredBlock } from '../../engine/shared/messages.ts';
import { type DedupKey, dedupKey, type FoundBlob } from '../../model/blob.ts';

/** A block that needs a blob. Operations keep more with it. */
export interface UnplacedBlock extends DedupKey {
  id: number;
}

/** The blob of a block, once it is certain. */
export interface PlacedBlob {
  uid: string;
  envKey: string | null;
  nonce: string | null;
  /** False for the block that the blob was made for. */
  found: boolean;
  /** The blob that could not be reused: this one replaces it. */
  replaces?: string | undefined;
}

/** A claim that a worker has answered. */
interface StoredClaim<T> {
  block: T;
  /** The blob that the database named for this content, if any. */
  candidate: FoundBlob | undefined;
}

/** How a deduplicator finds blobs, and whom it tells of them. */
export interface DeduplicatorOptions<T> {
  /** The encryption version of new blobs. */
  encVersion: number;
  /** False: every block gets a blob of its own, and no blob is looked up. */
  deduplication?: boolean;
  /**
   * Looks for stored blobs with these contents. Undefined: every content is stored as a new blob.
   */
  findBlobs?: ((contents: readonly DedupKey[]) => Promise<Map<string, FoundBlob>>) | undefined;
  /** Whether a blob that only an import names was read since, and holds this content. */
  isVerified?: ((uid: string, checksum: string) => boolean) | undefined;
  /** Called once for each block, as soon as its blob is certain. */
  onPlaced(block: T, blob: PlacedBlob): void;
}

/** One object for all: a message to another thread holds it once. */
const STORE = { action: 'store' } as const;

/** A content that is in flight: a block of it was met, and its row is not committed yet. */
interface Claim<T> {
  /** Of its content. */
  key: string;
  owner: T;
  /** The blob that holds the content, once that is certain. */
  blob: PlacedBlob | undefined;
  /** The blob that the database named, while a worker checks whether it is there. */
  candidate: FoundBlob | undefined;
  /** Blocks of the same content that wait for `blob`; undefined while there are none. */
  waiting: T[] | undefined;
}

/**
 * Decides which blob holds a block. The first block of a content claims it: a worker stores it, or
 * reuses a blob that the database names. Equal blocks wait for that blob, so that a content is
 * stored once. A claim ends when its row is in the database, where lookups find it.
 *
 * Runs on the main thread for every block. Spreads and chained arrays in these methods cost a third
 * more processor time.
 */
export class Deduplicator<T extends UnplacedBlock> {
  readonly #options: DeduplicatorOptions<T>;
  /** The size of the first block. */
  #usualSize: number | undefined;
  /** By content. */
  readonly #claims = new Map<string, Claim<T>>();
  /** Claims that a worker stores or checks right now, by the id of their owner. */
  readonly #inFlight = new Map<number, Claim<T>>();

  constructor(options: DeduplicatorOptions<T>) {
    this.#options = options;
  }

  /**
   * Claims the contents of blocks. Costs at most one lookup.
   * @returns what a worker is to do, by the
   * block's id. Other blocks have their blob already, or wait for it.
   */
  async place(blocks: readonly T[]): Promise<Map<number, NonNullable<Decision>>> {
    // All claims come before the lookup: calls at the same time must see each other's.
    const claims: Claim<T>[] = [];
    const owners: T[] = [];
    for (const block of blocks) {
      const claim = this.#claim(block);
      if (claim === undefined) continue;
      claims.push(claim);
      owners.push(block);
    }
    const lookUp = this.#deduplicates && owners.length > 0 ? this.#options.findBlobs : undefined;
    const found = await lookUp?.(owners);
    const decisions = new Map<number, NonNullable<Decision>>();
    for (const claim of claims) {
      // Most lookups find nothing.
      if (found !== undefined && found.size > 0) claim.candidate = this.#checked(found.get(dedupKey(claim.owner)), claim.owner);
      decisions.set(claim.owner.id, this.#decide(claim));
    }
    return decisions;
  }

  /** The claim that a worker holds for a block, before {@link stored} ends that. */
  claimOf(id: number): StoredClaim<T> | undefined {
    const claim = this.#inFlight.get(id);
    return claim && { block: claim.owner, candidate: claim.candidate };
  }

  /** Takes a worker's answer: its block, and those that waited for it, are placed. */
  stored(answer: StoredBlock): StoredClaim<T> {
    const { id, uid, written, rejected } = answer;
    const claim = this.#inFlight.get(id);
    if (claim === undefined) throw new Error(`a worker stored block ${id}, which nobody asked for`);
    this.#inFlight.delete(id);
    const { owner, candidate } = claim;
    const seal = written ? answer : candidate;
    const envKey = seal?.envKey ?? null;
    const nonce = seal?.nonce ?? null;
    const replaces = rejected === undefined ? undefined : candidate?.uid;
    claim.blob = { uid, envKey, nonce, found: true, replaces: undefined };
    this.#options.onPlaced(owner, { uid, envKey, nonce, found: !written, replaces });
    for (const block of claim.waiting ?? []) this.#options.onPlaced(block, claim.blob);
    claim.waiting = undefined;
    return { block: owner, candidate };
  }

  /**
   * Gives up the claim of a block that could not be read. @returns the block, and those that waited
   * for it: they have to be placed again.
   */
  failed(id: number): { block: T; waiting: T[] } | undefined {
    const claim = this.#inFlight.get(id);
    if (claim === undefined) return undefined;
    this.#inFlight.delete(id);
    this.#claims.delete(claim.key);
    return { block: claim.owner, waiting: claim.waiting ?? [] };
  }

  /** Ends the claims of contents whose rows were committed, or refused. */
  committed(rows: readonly { checksum: string | null; size: number }[]): void {
    for (const { checksum, size } of rows) if (checksum !== null) this.#claims.delete(this.#keyOf(checksum, size));
  }

  get #deduplicates(): boolean {
    return this.#options.deduplication !== false;
  }

  /** Most blocks have one size: no text needs to be made for them. A checksum has no colon. */
  #keyOf(checksum: string, size: number): string {
    return size === this.#usualSize ? checksum : dedupKey({ checksum, size });
  }

  /** @returns the claim if the block is the first of its content. Any other is placed, or waits. */
  #claim(block: T): Claim<T> | undefined {
    this.#usualSize ??= block.size;
    const key = this.#keyOf(block.checksum, block.size);
    const known = this.#deduplicates ? this.#claims.get(key) : undefined;
    if (known !== undefined) {
      if (known.blob !== undefined) this.#options.onPlaced(block, known.blob);
      else if (known.waiting === undefined) known.waiting = [block];
      else known.waiting.push(block);
      return undefined;
    }
    const claim: Claim<T> = { key, owner: block, blob: undefined, candidate: undefined, waiting: undefined };
    if (this.#deduplicates) this.#claims.set(key, claim);
    this.#inFlight.set(block.id, claim);
    return claim;
  }

  /** An imported blob that was verified is as good as any. */
  #checked(found: FoundBlob | undefined, { checksum }: T): FoundBlob | undefined {
    if (found?.imported !== true || this.#options.isVerified?.(found.uid, checksum) !== true) return found;
    const { uid, envKey, nonce } = found;
    return { uid, envKey, nonce };
  }

  /** A blob that only an import names is read before it is reused: the import may be wrong. */
  #decide({ owner, candidate }: Claim<T>): NonNullable<Decision> {
    if (candidate === undefined) return STORE;
    const { uid, envKey, nonce, imported } = candidate;
    const reuse = { action: 'reuse', uid } as const;
    const { encVersion } = this.#options;
    return imported === true ? { ...reuse, verify: { checksum: owner.checksum, encVersion, envKey, nonce } } : reuse;
  }
}
