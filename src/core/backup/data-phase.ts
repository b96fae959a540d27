import type { BlockPool } from '../../engine/pool/block-pool.ts';
import type { JobAnswer, Operation } from '../../engine/pool/operation.ts';
import type { Decision, Job, StoredBlock } from '../../engine/shared/messages.ts';
import { BackyError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { MetaStore } from '../../meta/meta-store.ts';
import type { Bitmap } from '../../model/bitmap.ts';
import { dedupKey, type FoundBlob } from '../../model/blob.ts';
import type { BackupRow } from '../../model/block.ts';
import type { BackupCounters } from '../../model/counters.ts';
import { blockLength, type Geometry } from '../../model/geometry.ts';
import type { CheckLog } from '../blocks/check-log.ts';
import { type Claim, Claims, decisionFor } from '../blocks/deduplicator.ts';
import { type FindMissing, RowCommitter } from '../blocks/row-committer.ts';
import { HealingSum } from '../blocks/validate-healed.ts';
import type { DamageGuard } from '../store/damage-guard.ts';

/** A blob that dedup found and that could not be used; its block was stored anew, but other versions rely on it. */
export interface RejectedBlob {
  /** The block. */
  id: number;
  uid: string;
  reason: string;
}

/** What the data phase works with. */
export interface DataPhaseOptions {
  pool: BlockPool;
  meta: MetaStore;
  logger: Logger;
  /** See RowCommitterOptions. */
  confirmStore(): Promise<void>;
  /** Tells single blobs that dedup finds missing from a store that lacks a part. */
  guard: DamageGuard;
  /** Where it is noted that blobs of imports were verified. */
  checks: CheckLog;
  versionUid: string;
  geometry: Geometry;
  encVersion: number;
  deduplication: boolean;
  /** The blocks to read; taken out as they are handed to workers. */
  read: Bitmap;
  counters: BackupCounters;
  elapsedSeconds(): number;
  findMissing?: FindMissing | undefined;
  /** A block is finished: its blob is known. Less than none: it is to be read again. */
  onBlocks(count: number, bytesRead: number): void;
}

/**
 * Reads blocks, finds or stores their blobs, commits their rows. Decides on main what workers asked: is the content known
 * (to the database, or in flight), or is it to be stored, and under which uid.
 */
export class DataPhase implements Operation {
  readonly #options: DataPhaseOptions;
  readonly #claims = new Claims();
  readonly #sink: RowCommitter;
  /** Claims of blocks that a worker stores or looks at right now, with what was read for them. */
  readonly #owners = new Map<number, { claim: Claim; bytesRead: number }>();
  readonly rejected: RejectedBlob[] = [];
  /** Bad rows of any version that have a good blob now, and the versions that hold them. */
  readonly healing = new HealingSum();
  #untold: (RejectedBlob & { isMissing: boolean })[] = [];
  #cursor = 0;

  constructor(options: DataPhaseOptions) {
    this.#options = options;
    const { pool, meta, versionUid, geometry, counters } = options;
    this.#sink = new RowCommitter({
      meta,
      versionUid,
      geometry,
      counters,
      flush: () => pool.flush(),
      confirmStore: options.confirmStore,
      findMissing: options.findMissing,
      onCommitted: (rows) => this.#closeClaims(rows),
      onRefused: (rows) => this.#readAgain(rows),
      // Without dedup a content can have any number of rows, and all of them would be looked at for each of its blocks.
      heals: options.deduplication,
      onHealed: (healing) => this.healing.add(healing),
      elapsedSeconds: options.elapsedSeconds,
    });
  }

  /** Counters of all that is committed. */
  get counters(): BackupCounters {
    return this.#sink.counters;
  }

  /** Runs until every block has its row, or rejects with the first failure; what was stored by then is committed either way. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      do {
        await this.#options.pool.run(this);
        await this.#sink.commit();
      } while (!signal.aborted && this.#options.read.next(0) >= 0);
      await this.#options.guard.settle();
      await this.#options.checks.close();
    } catch (error) {
      // What is stored stays, unless its flush is what failed or the workers can't be asked. A second failure must not hide the first.
      if (!(error instanceof BackyError && error.code === 'worker')) await this.#sink.commit().catch(() => {});
      throw error;
    }
  }

  async next(): Promise<Job | undefined> {
    await this.#sink.room();
    const { read, pool } = this.#options;
    const limit = pool.slots.blocksPerSlot;
    const range = read.nextRange(this.#cursor, limit) ?? (this.#cursor > 0 ? read.nextRange(0, limit) : undefined);
    if (range === undefined) return undefined;
    this.#cursor = range.first + range.count;
    read.deleteRange(range.first, this.#cursor);
    return { kind: 'read', ...range };
  }

  async answered(answer: JobAnswer): Promise<void> {
    if (answer.kind === 'digested') await this.#decide(answer);
    else if (answer.kind === 'stored') {
      await this.#noteVerified(answer.blocks);
      for (const block of answer.blocks) this.#stored(block);
      await this.#tellRejected();
    }
    await this.#sink.commitIfDue();
  }

  async #decide({ job, first, digests, bytesRead }: Extract<JobAnswer, { kind: 'digested' }>): Promise<void> {
    const firsts: { index: number; claim: Claim }[] = [];
    for (const [index, checksum] of digests.entries()) {
      const id = first + index;
      const size = blockLength(this.#options.geometry, id);
      const read = bytesRead === 0 ? 0 : size;
      if (checksum === null) {
        this.#sink.addZero({ id, size, bytesRead: read });
        this.#options.onBlocks(1, read);
        continue;
      }
      const claim = this.#options.deduplication ? this.#claims.find(checksum, size) : undefined;
      if (claim === undefined) {
        const own = this.#options.deduplication ? this.#claims.open(checksum, size) : loneClaim(checksum, size);
        this.#owners.set(id, { claim: own, bytesRead: read });
        firsts.push({ index, claim: own });
      } else {
        claim.waiting.push({ id, bytesRead: read });
        if (claim.blob !== undefined) this.#settle(claim);
      }
    }
    this.#options.pool.decide(job, await this.#decisions(digests.length, firsts));
  }

  async #decisions(count: number, firsts: readonly { index: number; claim: Claim }[]): Promise<Decision[]> {
    const { deduplication, encVersion, meta } = this.#options;
    const decisions = new Array<Decision>(count).fill(null);
    const known =
      deduplication && firsts.length > 0
        ? await meta.findBlobs(
            firsts.map(({ claim }) => claim),
            encVersion,
          )
        : undefined;
    for (const { index, claim } of firsts) {
      claim.candidate = this.#withoutDoubt(claim, known?.get(dedupKey(claim)));
      decisions[index] = decisionFor(claim, encVersion);
    }
    return decisions;
  }

  /** A blob that an import named, and that this backup has verified, is as good as any before the database says so. */
  #withoutDoubt({ checksum }: Claim, found: FoundBlob | undefined): FoundBlob | undefined {
    if (found?.imported !== true || !this.#options.checks.hasGood(found.uid, checksum)) return found;
    const { uid, envKey, nonce } = found;
    return { uid, envKey, nonce };
  }

  /** Blobs of imports that workers have read and found good are as good as any from now on. */
  async #noteVerified(blocks: readonly StoredBlock[]): Promise<void> {
    const { encVersion, checks } = this.#options;
    const verified = blocks.flatMap(({ id, written }) => {
      const { checksum, size, candidate } = this.#owners.get(id)?.claim ?? {};
      if (written || candidate?.imported !== true || checksum === undefined || size === undefined) return [];
      return [{ id, checksum, size, encVersion, ...candidate }];
    });
    if (verified.length > 0) await checks.add(verified, []);
  }

  #stored(block: StoredBlock): void {
    const owner = this.#owners.get(block.id);
    if (owner === undefined) throw new Error(`a worker stored block ${block.id}, which nobody asked for`);
    this.#owners.delete(block.id);
    const { claim, bytesRead } = owner;
    if (claim.candidate !== undefined) this.#options.guard.looked(1);
    if (block.rejected !== undefined)
      this.#untold.push({
        id: block.id,
        uid: claim.candidate?.uid ?? '',
        reason: block.rejected,
        isMissing: block.wrongImport !== true,
      });
    const seal = block.written ? block : claim.candidate;
    claim.blob = { uid: block.uid, envKey: seal?.envKey ?? null, nonce: seal?.nonce ?? null, found: !block.written };
    const replaces = block.rejected === undefined ? undefined : claim.candidate?.uid;
    this.#addRow(claim, { id: block.id, bytesRead, replaces }, claim.blob.found);
    this.#settle(claim);
  }

  async #tellRejected(): Promise<void> {
    for (const { isMissing, ...rejected } of this.#untold.splice(0)) {
      const { id, uid, reason } = rejected;
      this.rejected.push(rejected);
      const tell = async () =>
        this.#options.logger.warning(
          `Blob ${uid} was not used again for block ${id}: ${reason}. The block was stored again, for all versions that used that blob.`,
        );
      // An import that is wrong says nothing of what the store lacks.
      await (isMissing ? this.#options.guard.missing(tell) : tell());
    }
  }

  /** Blocks that waited for a claim get their rows: they count as dedup, and the claim's own row goes in before or with them. */
  #settle(claim: Claim): void {
    for (const block of claim.waiting) this.#addRow(claim, block, true);
    claim.waiting = [];
  }

  #addRow(
    claim: Claim,
    { id, bytesRead, replaces }: { id: number; bytesRead: number; replaces?: string | undefined },
    found: boolean,
  ): void {
    const { blob, checksum, size } = claim;
    if (blob === undefined) throw new Error('a claim was settled without its blob');
    const { uid, envKey, nonce } = blob;
    const { encVersion } = this.#options;
    this.#sink.addRow({ id, uid, checksum, size, encVersion, envKey, nonce, found, replaces, bytesRead });
    this.#options.onBlocks(1, bytesRead);
  }

  #closeClaims(rows: readonly BackupRow[]): void {
    for (const { checksum, size } of rows) if (checksum !== null) this.#claims.close(checksum, size);
  }

  #readAgain(rows: readonly BackupRow[]): void {
    for (const { id, uid } of rows) {
      this.#options.logger.debug(`Blob ${uid} of block ${id} was cleaned up meanwhile; the block is read again.`);
      this.#options.read.add(id);
      this.#options.onBlocks(-1, 0);
    }
  }
}

/** Without dedup nobody waits for anybody. */
function loneClaim(checksum: string, size: number): Claim {
  return { checksum, size, blob: undefined, candidate: undefined, waiting: [] };
}
