import type { BlockPool } from '../../engine/pool/block-pool.ts';
import type { JobAnswer, Operation } from '../../engine/pool/operation.ts';
import type { Job, StoredBlock } from '../../engine/shared/messages.ts';
import type { Logger } from '../../logger.ts';
import type { MetaStore } from '../../meta/meta-store.ts';
import type { Bitmap } from '../../model/bitmap.ts';
import type { DedupKey } from '../../model/blob.ts';
import type { BackupRow, Block } from '../../model/block.ts';
import type { BackupCounters } from '../../model/counters.ts';
import { blockLength, type Geometry } from '../../model/geometry.ts';
import type { CheckLog } from '../blocks/check-log.ts';
import { Deduplicator, type PlacedBlob } from '../blocks/deduplicator.ts';
import { committedOnFailure } from '../blocks/group-committer.ts';
import { type FindMissing, type PendingZero, RowCommitter } from '../blocks/row-committer.ts';
import { HealingSum } from '../blocks/validate-healed.ts';
import type { DamageGuard } from '../store/damage-guard.ts';

/**
 * A blob that dedup found but that could not be reused. Its block was stored again; other versions
 * rely on the blob.
 */
export interface RejectedBlob {
  /** The block. */
  id: number;
  uid: string;
  reason: string;
}

/** The version that is being made, and where its blocks come from and go. */
interface DataPhaseOptions {
  pool: BlockPool;
  meta: MetaStore;
  logger: Logger;
  /** See {@link RowCommitter}. */
  confirmStore(): Promise<void>;
  /** Holds reports of missing blobs back until mass damage is ruled out. */
  guard: DamageGuard;
  /** Notes that blobs of imports were verified. */
  checks: CheckLog;
  versionUid: string;
  geometry: Geometry;
  encVersion: number;
  deduplication: boolean;
  /** The blocks to read. Each is taken out when a worker gets it. */
  read: Bitmap;
  counters: BackupCounters;
  elapsedSeconds(): number;
  findMissing?: FindMissing | undefined;
  /** See {@link RowCommitter}. */
  onAdded?: ((blocks: Iterable<Block>) => Promise<void>) | undefined;
  /**
   * Called when blocks are finished: their blobs are known. A negative count: they are read again.
   */
  onBlocks(count: number, bytesRead: number): void;
}

/** A block that was read. */
interface ReadBlock extends DedupKey {
  id: number;
  /** Bytes that were read for it: none where the source says that there is a hole. */
  bytesRead: number;
}

/** Reads blocks, finds or stores their blobs, and commits their rows. */
export class DataPhase implements Operation {
  readonly rejected: RejectedBlob[] = [];
  /** Bad rows of any version that have a good blob now, and the versions that hold them. */
  readonly healing = new HealingSum();
  readonly #options: DataPhaseOptions;
  readonly #blobs: Deduplicator<ReadBlock>;
  readonly #rows: RowCommitter;
  /** Rejected blobs that are not reported yet. */
  #unreported: (RejectedBlob & { isMissing: boolean })[] = [];
  /** The next id to read, unless all blocks from there on have been read. */
  #cursor = 0;

  constructor(options: DataPhaseOptions) {
    this.#options = options;
    const { pool, meta, versionUid, geometry, counters, encVersion, deduplication, checks } = options;
    this.#blobs = new Deduplicator({
      encVersion,
      deduplication,
      findBlobs: (contents) => meta.findBlobs(contents, encVersion),
      isVerified: (uid, checksum) => checks.hasGood(uid, checksum),
      onPlaced: (block, blob) => this.#addRow(block, blob),
    });
    this.#rows = new RowCommitter({
      meta,
      versionUid,
      geometry,
      counters,
      flush: () => pool.flush(),
      confirmStore: options.confirmStore,
      findMissing: options.findMissing,
      onAdded: options.onAdded,
      onCommitted: (rows) => this.#blobs.committed(rows),
      onRefused: (rows) => this.#readAgain(rows),
      // Without dedup a content can have any number of rows, and each of its blocks would look at
      // all of them.
      heals: deduplication,
      onHealed: (healing) => this.healing.add(healing),
      elapsedSeconds: options.elapsedSeconds,
    });
  }

  /** Counters of all that is committed. */
  get counters(): BackupCounters {
    return this.#rows.counters;
  }

  /**
   * Runs until every block has its row, or rejects with the first failure. Rows of stored blobs are
   * committed either way.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { pool, read, guard, checks } = this.#options;
    await committedOnFailure(this.#rows, async () => {
      do {
        await pool.run(this);
        await this.#rows.commit();
      } while (!signal.aborted && read.next(0) >= 0);
      await guard.settle();
      await checks.close();
    });
  }

  async next(): Promise<Job | undefined> {
    await this.#rows.room();
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
      await this.#reportRejected();
    }
    await this.#rows.commitIfDue();
  }

  async #decide({ job, first, digests, bytesRead }: Extract<JobAnswer, { kind: 'digested' }>): Promise<void> {
    const { pool, geometry } = this.#options;
    const blocks: ReadBlock[] = [];
    for (const [index, checksum] of digests.entries()) {
      const id = first + index;
      const size = blockLength(geometry, id);
      const read = bytesRead === 0 ? 0 : size;
      if (checksum === null) this.#addZero({ id, size, bytesRead: read });
      else blocks.push({ id, checksum, size, bytesRead: read });
    }
    const decisions = await this.#blobs.place(blocks);
    pool.decide(
      job,
      digests.map((_, index) => decisions.get(first + index) ?? null),
    );
  }

  #addZero(zero: PendingZero): void {
    this.#rows.addZero(zero);
    this.#options.onBlocks(1, zero.bytesRead);
  }

  #addRow({ id, checksum, size, bytesRead }: ReadBlock, { uid, envKey, nonce, found, replaces }: PlacedBlob): void {
    const { encVersion } = this.#options;
    this.#rows.addRow({ id, uid, checksum, size, encVersion, envKey, nonce, found, replaces, bytesRead });
    this.#options.onBlocks(1, bytesRead);
  }

  /** Notes that workers have read blobs of imports and found them good. */
  async #noteVerified(answers: readonly StoredBlock[]): Promise<void> {
    const { encVersion, checks } = this.#options;
    const verified = answers.flatMap(({ id, written }) => {
      const { block, candidate } = this.#blobs.claimOf(id) ?? {};
      if (written || block === undefined || candidate?.imported !== true) return [];
      return [{ id, checksum: block.checksum, size: block.size, encVersion, ...candidate }];
    });
    if (verified.length > 0) await checks.add(verified, []);
  }

  #stored(answer: StoredBlock): void {
    const { candidate } = this.#blobs.stored(answer);
    if (candidate === undefined) return;
    this.#options.guard.countProbed(1);
    const { id, rejected: reason, wrongImport } = answer;
    if (reason !== undefined) this.#unreported.push({ id, uid: candidate.uid, reason, isMissing: wrongImport !== true });
  }

  async #reportRejected(): Promise<void> {
    const { logger, guard } = this.#options;
    for (const { isMissing, ...rejected } of this.#unreported.splice(0)) {
      const { id, uid, reason } = rejected;
      this.rejected.push(rejected);
      const report = async () =>
        logger.warning(
          `Blob ${uid} was not used again for block ${id}: ${reason}. The block was stored again, for all versions that used that blob.`,
        );
      // A wrong import is no sign of a missing blob.
      await (isMissing ? guard.reportMissing(report) : report());
    }
  }

  #readAgain(rows: readonly BackupRow[]): void {
    const { logger, read, onBlocks } = this.#options;
    for (const { id, uid } of rows) {
      logger.debug(`Blob ${uid} of block ${id} was cleaned up meanwhile; the block is read again.`);
      read.add(id);
      onBlocks(-1, 0);
    }
  }
}
