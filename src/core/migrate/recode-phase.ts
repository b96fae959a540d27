import { setImmediate as nextTurn } from 'node:timers/promises';
import type { BlockPool } from '../../engine/pool/block-pool.ts';
import type { JobAnswer, Operation } from '../../engine/pool/operation.ts';
import type { Finding, Job, RecodeBlock } from '../../engine/shared/messages.ts';
import type { Logger } from '../../logger.ts';
import type { MetaStore } from '../../meta/meta-store.ts';
import type { Bitmap } from '../../model/bitmap.ts';
import type { BackupRow, BlockRow } from '../../model/block.ts';
import { NO_COUNTS } from '../../model/counters.ts';
import type { Geometry } from '../../model/geometry.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { BadBlockRecorder } from '../blocks/bad-blocks.ts';
import { Deduplicator, type PlacedBlob, type UnplacedBlock } from '../blocks/deduplicator.ts';
import { committedOnFailure } from '../blocks/group-committer.ts';
import { type FindMissing, RowCommitter } from '../blocks/row-committer.ts';

const PAGE_ROWS = 5_000;
/**
 * The blocks of a job are stored one after the other, each with its fsync. Small jobs keep all
 * slots busy.
 */
const JOB_BLOCKS = 8;

/** How a block of the copy got its blob, if it has one. */
type RecodeOutcome = 'written' | 'reused' | 'sparse' | 'bad';

/** The versions of a migration, and what their blocks go through. */
interface RecodePhaseOptions {
  pool: BlockPool;
  meta: MetaStore;
  logger: Logger;
  origin: TaggedVersion;
  copyUid: string;
  geometry: Geometry;
  /** The encryption version of the copy's blobs. */
  encVersion: number;
  /** The blocks that the copy lacks. */
  todo: Bitmap;
  bad: BadBlockRecorder;
  /** See {@link RowCommitter}. */
  confirmStore(): Promise<void>;
  findMissing?: FindMissing | undefined;
  /** Called when a block is finished. Negative bytes: it has to be done again. */
  onBlock(sizeBytes: number, outcome: RecodeOutcome): void;
}

/** A row of the origin whose block needs a blob of the new encryption version. */
interface RecodedBlock extends UnplacedBlock {
  row: BlockRow & { uid: string };
}

/**
 * Gives the copy a row for each block of the origin. Zero blocks, and blobs that have the right
 * encryption version, are taken as they are. For the others, blobs with the same content are looked
 * up, and new ones are made. Equal blocks are stored once.
 */
export class RecodePhase implements Operation {
  readonly #options: RecodePhaseOptions;
  readonly #originRows: AsyncIterableIterator<BlockRow>;
  /** Rows whose blob turned out to be unusable, or whose claim was given up. */
  readonly #retries: BlockRow[] = [];
  readonly #blobs: Deduplicator<RecodedBlock>;
  readonly #rows: RowCommitter;
  /** The row of the origin that each row of the copy was made from. */
  readonly #origins = new WeakMap<BackupRow, BlockRow>();

  constructor(options: RecodePhaseOptions) {
    this.#options = options;
    this.#originRows = missingRows(options);
    const { pool, meta, copyUid, geometry, encVersion } = options;
    this.#blobs = new Deduplicator({
      encVersion,
      findBlobs: (contents) => meta.findBlobs(contents, encVersion),
      onPlaced: ({ row }, blob) => this.#addRow(row, blob),
    });
    this.#rows = new RowCommitter({
      meta,
      versionUid: copyUid,
      geometry,
      counters: NO_COUNTS,
      flush: () => pool.flush(),
      confirmStore: options.confirmStore,
      findMissing: options.findMissing,
      onCommitted: (rows) => this.#blobs.committed(rows),
      onRefused: (rows) => this.#retryRefused(rows),
      heals: false,
      onHealed: () => {},
      elapsedSeconds: () => 0,
    });
  }

  /**
   * Runs until every block has its row or was found bad, or rejects with the first failure. Rows
   * that are done are committed either way.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { pool } = this.#options;
    await committedOnFailure(this.#rows, async () => {
      do {
        await pool.run(this);
        await this.#rows.commit();
      } while (!signal.aborted && this.#retries.length > 0);
    });
  }

  async next(): Promise<Job | undefined> {
    const blocks: RecodeBlock[] = [];
    const limit = Math.min(JOB_BLOCKS, this.#options.pool.slots.blocksPerSlot);
    while (blocks.length < limit) {
      const unplaced = await this.#nextUnplaced(limit - blocks.length);
      if (unplaced.length === 0) break;
      const decisions = await this.#blobs.place(unplaced);
      for (const { id, row } of unplaced) {
        const decision = decisions.get(id);
        if (decision !== undefined) blocks.push({ from: row, decision });
      }
    }
    return blocks.length === 0 ? undefined : { kind: 'recode', blocks };
  }

  async answered(answer: JobAnswer): Promise<void> {
    if (answer.kind !== 'recoded') return;
    for (const block of answer.blocks) {
      const { candidate } = this.#blobs.stored(block);
      if (block.rejected !== undefined)
        this.#options.logger.warning(`Blob ${candidate?.uid} was not used again for block ${block.id}: ${block.rejected}.`);
    }
    if (answer.findings.length > 0) await this.#failed(answer.findings);
    await this.#rows.commitIfDue();
  }

  /**
   * Up to `count` blocks that need another blob. Blocks that need none get their rows on the way.
   */
  async #nextUnplaced(count: number): Promise<RecodedBlock[]> {
    const unplaced: RecodedBlock[] = [];
    while (unplaced.length < count) {
      await this.#rows.room();
      await this.#rows.commitIfDue();
      const retried = this.#retries.pop();
      const row = retried ?? (await this.#nextOriginRow());
      if (row === undefined) break;
      const { id, uid, size, envKey, nonce, encVersion, valid } = row;
      if (uid === null) {
        this.#rows.addZero({ id, size, bytesRead: 0 });
        this.#options.onBlock(size, 'sparse');
      } else if (retried === undefined && encVersion === this.#options.encVersion && valid) {
        this.#addRow(row, { uid, envKey, nonce, found: true });
      }
      // A row without a checksum is damaged: no blob can be right for it.
      else unplaced.push({ id, checksum: row.checksum ?? '', size, row: { ...row, uid } });
    }
    return unplaced;
  }

  async #nextOriginRow(): Promise<BlockRow | undefined> {
    const { value, done } = await this.#originRows.next();
    return done === true ? undefined : value;
  }

  /** Blocks that waited for one that is bad may have a good blob of their own. */
  async #failed(findings: readonly Finding[]): Promise<void> {
    const read: BlockRow[] = [];
    for (const { id } of findings) {
      const failed = this.#blobs.failed(id);
      if (failed === undefined) continue;
      read.push(failed.block.row);
      this.#retries.push(...failed.waiting.map(({ row }) => row));
      this.#options.onBlock(failed.block.size, 'bad');
    }
    this.#retries.push(...(await this.#options.bad.record(findings, read)));
  }

  #addRow(row: BlockRow, { uid, envKey, nonce, found }: PlacedBlob): void {
    const { id, checksum, size } = row;
    const added = { id, uid, checksum, size, encVersion: this.#options.encVersion, envKey, nonce, found, bytesRead: 0 };
    this.#origins.set(added, row);
    this.#rows.addRow(added);
    this.#options.onBlock(size, found ? 'reused' : 'written');
  }

  #retryRefused(rows: readonly BackupRow[]): void {
    for (const refused of rows) {
      const row = this.#origins.get(refused);
      if (row === undefined) continue;
      this.#retries.push(row);
      this.#options.onBlock(-row.size, 'reused');
    }
  }
}

/** The origin's rows of blocks that the copy lacks. Blocks without a row are recorded as bad. */
async function* missingRows({ meta, origin, todo, bad }: RecodePhaseOptions): AsyncIterableIterator<BlockRow> {
  let nextId = 0;
  for (let isLast = false; !isLast; ) {
    const page = await meta.blockPage(origin.uid, nextId - 1, PAGE_ROWS);
    isLast = page.length < PAGE_ROWS;
    for (const row of page) {
      if (row.id >= origin.size) continue;
      if (row.id > nextId) bad.recordMissingRows({ first: nextId, count: row.id - nextId });
      nextId = row.id + 1;
      if (todo.has(row.id)) yield row;
    }
    // Signals and messages are heard between pages.
    await nextTurn();
  }
  if (nextId < origin.size) bad.recordMissingRows({ first: nextId, count: origin.size - nextId });
}
