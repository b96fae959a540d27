import { newBlobUid } from '../../data/blob-uid.ts';
import type { Decision } from '../../engine/shared/messages.ts';
import { dedupKey, type FoundBlob } from '../../model/blob.ts';

/** A block of this backup whose content some other block of it is already being stored for. */
export interface WaitingBlock {
  id: number;
  bytesRead: number;
}

/** What is known of a content that this backup has met and not yet committed. */
export interface Claim {
  checksum: string;
  size: number;
  /** The blob that holds it, once that is certain. */
  blob: (FoundBlob & { found: boolean }) | undefined;
  /** The blob that the database named, while a worker looks whether it is there. */
  candidate: FoundBlob | undefined;
  /** Blocks with the same content that wait for `blob`. */
  waiting: WaitingBlock[];
}

/**
 * Contents that are in flight: whoever meets one first claims it, everyone after waits for that one's blob, so that equal
 * blocks are stored once. A claim ends when its row is in the database, where lookups find it.
 */
export class Claims {
  readonly #claims = new Map<string, Claim>();

  find(checksum: string, size: number): Claim | undefined {
    return this.#claims.get(dedupKey({ checksum, size }));
  }

  open(checksum: string, size: number): Claim {
    const claim: Claim = { checksum, size, blob: undefined, candidate: undefined, waiting: [] };
    this.#claims.set(dedupKey({ checksum, size }), claim);
    return claim;
  }

  close(checksum: string, size: number): void {
    this.#claims.delete(dedupKey({ checksum, size }));
  }
}

/** Decision for the first block of a content: store it, or reuse the blob that dedup found. */
export function decisionFor({ candidate, checksum }: Claim, encVersion: number): NonNullable<Decision> {
  if (candidate === undefined) return { action: 'store', uid: newBlobUid() };
  const { uid, envKey, nonce, imported } = candidate;
  const reuse = { action: 'reuse', uid, spare: newBlobUid() } as const;
  return imported === true ? { ...reuse, verify: { checksum, encVersion, envKey, nonce } } : reuse;
}
