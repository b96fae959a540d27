import type { BlockPool } from '../../engine/pool/block-pool.ts';
import type { JobAnswer, Operation } from '../../engine/pool/operation.ts';
import type { Job } from '../../engine/shared/messages.ts';
import type { Logger } from '../../logger.ts';
import type { MetaStore } from '../../meta/meta-store.ts';
import type { GoodBlob } from '../../model/blob.ts';
import type { BlockRow } from '../../model/block.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { BadBlock } from '../blocks/bad-blocks.ts';
import { Deduplicator, type PlacedBlob, type UnplacedBlock } from '../blocks/deduplicator.ts';
import { committedOnFailure, GroupCommitter } from '../blocks/group-committer.ts';
import { HealingSum } from '../blocks/validate-healed.ts';
import type { Meter } from '../progress.ts';

/** Bad rows that are looked up at a time. */
const PAGE_ROWS = 1_000;
/** With these, the transaction and the fsyncs of a group cost little. */
const GROUP_BLOBS = 1_000;
const GROUP_MS = 60_000;

/** A version to repair, and its source. */
interface RepairPhaseOptions {
  pool: BlockPool;
  meta: MetaStore;
  logger: Logger;
  version: TaggedVersion;
  blockSize: number;
  /** Bytes of the source that can be read. */
  readable: number;
  encVersion: number;
  /** See {@link RowCommitter}. */
  confirmStore(): Promise<void>;
  meter: Meter;
}

/** Reads bad blocks from the source, one for each job, and stores those with the right checksum. */
export class RepairPhase implements Operation {
  readonly healing = new HealingSum();
  readonly errors: BadBlock[] = [];
  blocksBad = 0;
  blocksMended = 0;
  blobsWritten = 0;
  readonly #options: RepairPhaseOptions;
  readonly #rows: AsyncIterableIterator<BlockRow>;
  /** Rows whose blocks are being read. */
  readonly #reading = new Map<number, BlockRow>();
  /** Holds the key of each bad content: its claim stays after it is stored. */
  readonly #blobs: Deduplicator<UnplacedBlock>;
  readonly #group: GroupCommitter<GoodBlob>;

  constructor(options: RepairPhaseOptions) {
    this.#options = options;
    this.#rows = this.#badRows();
    this.#blobs = new Deduplicator({
      encVersion: options.encVersion,
      onPlaced: (block, blob) => {
        if (!blob.found) this.#keep(block, blob);
      },
    });
    this.#group = new GroupCommitter({
      dueItems: GROUP_BLOBS,
      dueMs: GROUP_MS,
      flush: () => options.pool.flush(),
      commit: (blobs) => this.#commitGroup(blobs),
    });
  }

  /** Runs to the end, or rejects with the first failure. Stored blobs are used either way. */
  async run(): Promise<void> {
    await committedOnFailure(this.#group, async () => {
      await this.#options.pool.run(this);
      await this.#group.commit();
    });
  }

  async next(): Promise<Job | undefined> {
    const { value, done } = await this.#rows.next();
    if (done === true) return undefined;
    this.#reading.set(value.id, value);
    return { kind: 'read', first: value.id, count: 1 };
  }

  async answered(answer: JobAnswer): Promise<void> {
    if (answer.kind === 'digested') await this.#decide(answer.job, answer.first, answer.digests[0] ?? null);
    else if (answer.kind === 'stored') for (const block of answer.blocks) this.#blobs.stored(block);
    await this.#group.commitIfDue();
  }

  /** Bad rows of the version within the source. Those beyond its end are refused. */
  async *#badRows(): AsyncIterableIterator<BlockRow> {
    const { meta, version, blockSize, readable } = this.#options;
    for (let after = -1; ; ) {
      const page = await meta.badBlockPage(version.uid, after, PAGE_ROWS);
      for (const row of page) {
        this.blocksBad++;
        if (row.id * blockSize + row.size > readable) this.#refuse(row, 'past its end');
        else yield row;
      }
      const last = page.at(-1);
      if (last === undefined) return;
      after = last.id;
    }
  }

  async #decide(job: number, id: number, digest: string | null): Promise<void> {
    const { meter, pool } = this.#options;
    const row = this.#reading.get(id);
    if (row === undefined) throw new Error(`a worker read block ${id}, which nobody asked for`);
    this.#reading.delete(id);
    const { checksum, size } = row;
    meter.add(1, size);
    if (digest === null || digest !== checksum) {
      this.#refuse(row, digest ?? 'all zero');
      return pool.decide(job, [null]);
    }
    this.blocksMended++;
    const decisions = await this.#blobs.place([{ id, checksum, size }]);
    pool.decide(job, [decisions.get(id) ?? null]);
  }

  #keep({ checksum, size }: UnplacedBlock, { uid, envKey, nonce }: PlacedBlob): void {
    this.#group.add({ uid, checksum, size, encVersion: this.#options.encVersion, envKey, nonce });
    this.blobsWritten++;
  }

  #refuse({ id, uid, checksum }: BlockRow, actual: string): void {
    this.errors.push({ id, count: 1, uid, problem: 'source', actual, expected: checksum });
    this.#options.logger.error(
      `The source does not have the data of block ${id} (UID ${uid}) (is: ${actual} should-be: ${checksum})`,
    );
  }

  async #commitGroup(blobs: readonly GoodBlob[]): Promise<void> {
    await this.#options.confirmStore();
    this.healing.add(await this.#options.meta.heal(blobs));
  }
}
