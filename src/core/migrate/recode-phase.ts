import { setImmediate as nextTurn } from 'node:timers/promises';
import type { BlockPool } from '../../engine/pool/block-pool.ts';
import type { JobAnswer, Operation } from '../../engine/pool/operation.ts';
import type { Finding, Job, RecodeBlock, StoredBlock } from '../../engine/shared/messages.ts';
import { BackyError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { MetaStore } from '../../meta/meta-store.ts';
import type { Bitmap } from '../../model/bitmap.ts';
import { dedupKey } from '../../model/blob.ts';
import type { BackupRow, BlockRow } from '../../model/block.ts';
import { NO_COUNTS } from '../../model/counters.ts';
import type { Geometry } from '../../model/geometry.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { BadBlockRecorder } from '../blocks/bad-blocks.ts';
import { type Claim, Claims, decisionFor } from '../blocks/deduplicator.ts';
import { type FindMissing, RowCommitter } from '../blocks/row-committer.ts';

const PAGE_ROWS = 5_000;
/** Blocks of one job are made one after the other, each with its fsync: few at a time, so that all slots have some. */
const JOB_BLOCKS = 8;

/** How a block of the copy came by its blob, if it has one. */
export type RecodeOutcome = 'written' | 'reused' | 'sparse' | 'bad';

/** What the phase works with. */
export interface RecodePhaseOptions {
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
  /** See RowCommitterOptions. */
  confirmStore(): Promise<void>;
  findMissing?: FindMissing | undefined;
  /** A block is done with; negative bytes: it is not, after all. */
  onBlock(sizeBytes: number, outcome: RecodeOutcome): void;
}

/** A row that was looked at before, and is to get a blob in another way than it seemed. */
interface Work {
  row: BlockRow;
  /** The row's own blob will not do. */
  again: boolean;
}

/**
 * Gives the copy a row for each block of the origin: zero blocks and blobs that have the right encryption version as they are, blobs that some
 * other version has with it by their content, new blobs for the rest. Equal blocks are stored once, in flight too.
 */
export class RecodePhase implements Operation {
  readonly #options: RecodePhaseOptions;
  readonly #rows: AsyncIterableIterator<BlockRow>;
  readonly #again: BlockRow[] = [];
  readonly #claims = new Claims();
  readonly #sink: RowCommitter;
  /** Rows whose blocks are with a worker, or wait for one that is. */
  readonly #pending = new Map<number, { row: BlockRow; claim: Claim }>();
  /** What rows of the copy were made from. */
  readonly #origins = new WeakMap<BackupRow, BlockRow>();

  constructor(options: RecodePhaseOptions) {
    this.#options = options;
    this.#rows = missingRows(options);
    const { pool, meta, copyUid, geometry } = options;
    this.#sink = new RowCommitter({
      meta,
      versionUid: copyUid,
      geometry,
      counters: NO_COUNTS,
      flush: () => pool.flush(),
      confirmStore: options.confirmStore,
      findMissing: options.findMissing,
      onCommitted: (rows) => {
        for (const { checksum, size } of rows) if (checksum !== null) this.#claims.close(checksum, size);
      },
      onRefused: (rows) => {
        for (const refused of rows) {
          const row = this.#origins.get(refused);
          if (row === undefined) continue;
          this.#again.push(row);
          options.onBlock(-row.size, 'reused');
        }
      },
      heals: false,
      onHealed: () => {},
      elapsedSeconds: () => 0,
    });
  }

  /** Runs until every block has its row or was found bad, or rejects with the first failure; what is done is committed either way. */
  async run(signal: AbortSignal): Promise<void> {
    const { pool } = this.#options;
    try {
      do {
        await pool.run(this);
        await this.#sink.commit();
      } while (!signal.aborted && this.#again.length > 0);
    } catch (error) {
      if (!(error instanceof BackyError && error.code === 'worker')) await this.#sink.commit().catch(() => {});
      throw error;
    }
  }

  async next(): Promise<Job | undefined> {
    const blocks: RecodeBlock[] = [];
    const limit = Math.min(JOB_BLOCKS, this.#options.pool.slots.blocksPerSlot);
    while (blocks.length < limit) {
      await this.#sink.room();
      await this.#sink.commitIfDue();
      const work = await this.#nextWork();
      if (work === undefined) break;
      const block = await this.#place(work);
      if (block !== undefined) blocks.push(block);
    }
    return blocks.length === 0 ? undefined : { kind: 'recode', blocks };
  }

  async answered(answer: JobAnswer): Promise<void> {
    if (answer.kind !== 'recoded') return;
    for (const block of answer.blocks) this.#stored(block);
    if (answer.findings.length > 0) await this.#failed(answer.findings);
    await this.#sink.commitIfDue();
  }

  async #nextWork(): Promise<Work | undefined> {
    const row = this.#again.pop();
    if (row !== undefined) return { row, again: true };
    const { value, done } = await this.#rows.next();
    return done === true ? undefined : { row: value, again: false };
  }

  /** Settles a row that needs no worker, or that waits for one with the same content. @returns what a worker has to do, if anything. */
  async #place({ row, again }: Work): Promise<RecodeBlock | undefined> {
    const { meta, encVersion } = this.#options;
    const { id, uid, size } = row;
    if (uid === null) {
      this.#sink.addZero({ id, size, bytesRead: 0 });
      this.#options.onBlock(size, 'sparse');
      return undefined;
    }
    if (row.encVersion === encVersion && row.valid && !again) {
      this.#add(row, { uid, envKey: row.envKey, nonce: row.nonce, found: true });
      return undefined;
    }
    // A row without a checksum is damaged: no blob can be right for it.
    const checksum = row.checksum ?? '';
    const known = this.#claims.find(checksum, size);
    if (known !== undefined) {
      if (known.blob === undefined) {
        this.#pending.set(id, { row, claim: known });
        known.waiting.push({ id, bytesRead: 0 });
      } else this.#add(row, { ...known.blob, found: true });
      return undefined;
    }
    const claim = this.#claims.open(checksum, size);
    this.#pending.set(id, { row, claim });
    claim.candidate = (await meta.findBlobs([claim], encVersion)).get(dedupKey(claim));
    return { from: { ...row, uid }, decision: decisionFor(claim, encVersion) };
  }

  #stored(block: StoredBlock): void {
    const pending = this.#pending.get(block.id);
    if (pending === undefined) throw new Error(`a worker recoded block ${block.id}, which nobody asked for`);
    const { row, claim } = pending;
    if (block.rejected !== undefined)
      this.#options.logger.warning(`Blob ${claim.candidate?.uid} was not used again for block ${block.id}: ${block.rejected}.`);
    const seal = block.written ? block : claim.candidate;
    claim.blob = { uid: block.uid, envKey: seal?.envKey ?? null, nonce: seal?.nonce ?? null, found: !block.written };
    this.#add(row, claim.blob);
    for (const { id } of claim.waiting.splice(0)) {
      const waiting = this.#pending.get(id);
      if (waiting !== undefined) this.#add(waiting.row, { ...claim.blob, found: true });
    }
  }

  /** Blocks that waited for one that is bad may have a good blob of their own. */
  async #failed(findings: readonly Finding[]): Promise<void> {
    const read: BlockRow[] = [];
    for (const { id } of findings) {
      const pending = this.#pending.get(id);
      this.#pending.delete(id);
      if (pending === undefined) continue;
      const { claim } = pending;
      read.push(pending.row);
      this.#claims.close(claim.checksum, claim.size);
      for (const waiting of claim.waiting.splice(0)) {
        const other = this.#pending.get(waiting.id);
        if (other !== undefined) this.#again.push(other.row);
      }
      this.#options.onBlock(claim.size, 'bad');
    }
    this.#again.push(...(await this.#options.bad.record(findings, read)));
  }

  #add(row: BlockRow, { uid, envKey, nonce, found }: NonNullable<Claim['blob']>): void {
    const { id, checksum, size } = row;
    const made = { id, uid, checksum, size, encVersion: this.#options.encVersion, envKey, nonce, found, bytesRead: 0 };
    this.#pending.delete(id);
    this.#origins.set(made, row);
    this.#sink.addRow(made);
    this.#options.onBlock(size, found ? 'reused' : 'written');
  }
}

/** The origin's rows of blocks that the copy lacks; blocks without a row are bad. */
async function* missingRows({ meta, origin, todo, bad, logger }: RecodePhaseOptions): AsyncIterableIterator<BlockRow> {
  let nextId = 0;
  for (;;) {
    const page = await meta.blockPage(origin.uid, nextId - 1, PAGE_ROWS);
    for (const row of page) {
      if (row.id >= origin.size) continue;
      reportGap(nextId, row.id);
      nextId = row.id + 1;
      if (todo.has(row.id)) yield row;
    }
    if (page.length < PAGE_ROWS) break;
    await nextTurn();
  }
  reportGap(nextId, origin.size);

  function reportGap(first: number, past: number): void {
    if (past <= first) return;
    logger.error(`Blocks ${first} to ${past - 1} are missing from version ${origin.uid}: it is incomplete.`);
    bad.found.push({ id: first, count: past - first, uid: null, problem: 'missing', is: 'no row', shouldBe: null });
  }
}
