import type { QueueLoads } from '../../engine/pool/queue-loads.ts';
import { BackyError } from '../../errors.ts';
import type { BlockRow } from '../../model/block.ts';
import { type BlockRange, rangeBytes } from '../../model/block-range.ts';
import type { Geometry } from '../../model/geometry.ts';
import type { TaggedVersion } from '../../model/version.ts';
import { BadBlockRecorder } from '../blocks/bad-blocks.ts';
import { reportLength } from '../blocks/check-length.ts';
import { CheckLog } from '../blocks/check-log.ts';
import { settlingFindings } from '../blocks/fetch-phase.ts';
import { markVersionInvalid } from '../blocks/marks.ts';
import { withResumeHint } from '../blocks/resume-hint.ts';
import type { Context } from '../context.ts';
import { Meter } from '../progress.ts';
import { BlockReader } from '../serve/block-reader.ts';
import type { DamageGuard } from '../store/damage-guard.ts';
import { findStrayRows } from '../versions/check-rows.ts';
import { BlockWindow, type WindowItem } from './block-window.ts';
import type { StreamRequest, StreamResult } from './request.ts';
import { StreamWriter } from './stream-writer.ts';

/** A version that is locked, and the guard for its blobs. */
interface PreparedStream {
  request: StreamRequest;
  version: TaggedVersion;
  geometry: Geometry;
  guard: DamageGuard;
}

/** Writes all bytes of a version to a sink. */
export class StreamRun {
  readonly #context: Context;
  readonly #prepared: PreparedStream;
  readonly #checks: CheckLog;
  readonly #bad: BadBlockRecorder;
  readonly #writer: StreamWriter;
  readonly #meter: Meter;
  #reader: BlockReader | undefined;
  /** Blocks below it were put into the writer. */
  #nextId = 0;
  /** Blocks that were verified, but not yet noted as that. */
  #verified: BlockRow[] = [];

  constructor(context: Context, prepared: PreparedStream) {
    const { request, version, guard } = prepared;
    const { meta, logger } = context;
    this.#context = context;
    this.#prepared = prepared;
    this.#checks = new CheckLog(context);
    this.#bad = new BadBlockRecorder({ meta, logger, version, during: 'restore', guard, checks: this.#checks });
    this.#writer = new StreamWriter(request.sink, context.signal);
    this.#meter = new Meter(version.size, this, context.onProgress);
  }

  /** For status lines: a reader that is slow shows as a full write queue. */
  get loads(): QueueLoads {
    return { read: this.#reader?.loads.read ?? 0, write: this.#writer.isWriting ? 1 : 0 };
  }

  /** @throws BackyError `blocksBad` at the first bad block, unless the request goes on. */
  async perform(): Promise<StreamResult> {
    const { version, guard } = this.#prepared;
    const { fitting, stray, isAltered } = await findStrayRows(this.#context, version);
    const complete = fitting === version.size && stray === 0 && !isAltered;
    if (!complete) await markVersionInvalid(this.#context, version.uid, this.#bad.affectedVersions);
    const { signal } = this.#context;
    await withResumeHint(
      signal,
      () => this.#remainder(),
      () => settlingFindings({ guard, bad: this.#bad, checks: this.#checks }, () => this.#write()),
    );
    const { count } = this.#bad;
    if (this.#writer.isReaderGone) this.#context.logger.info(`The reader is gone. ${this.#remainder()}`);
    else if (count > 0)
      this.#context.logger.error(
        `${count} of ${version.size} blocks are wrong or missing: the stream has zeros in their place. All others are in it.`,
      );
    return { ending: this.#writer.isReaderGone ? 'readerGone' : 'written', blocksBad: count, complete };
  }

  async #write(): Promise<void> {
    const { request, version, geometry } = this.#prepared;
    const { meta, signal } = this.#context;
    const { blockSize } = geometry;
    const reader = new BlockReader(this.#context, { blockSize, blocks: version.size, readers: 1, onFailure: () => {} });
    this.#reader = reader;
    try {
      this.#meter.begin('data', 0);
      await this.#pour(new BlockWindow({ meta, version, fromId: 0, geometry, reader, signal }));
      if (!this.#writer.isReaderGone) await request.sink.finish(signal);
    } finally {
      await reader.close();
    }
  }

  async #pour(window: BlockWindow): Promise<void> {
    const writer = this.#writer;
    for (let item = await window.next(); item !== undefined; ) {
      this.#context.signal.throwIfAborted();
      await this.#put(item, window);
      item = writer.isDue ? undefined : window.nextGood();
      if (item !== undefined) continue;
      await this.#flush();
      if (writer.isReaderGone) return;
      item = await window.next();
    }
  }

  /** Only good blocks come while the writer holds others. */
  async #put(item: WindowItem, window: BlockWindow): Promise<void> {
    const { version, geometry } = this.#prepared;
    switch (item.kind) {
      case 'zeros':
        return this.#putZeros(item.range);
      case 'data':
        this.#writer.add(item.bytes, item.release);
        this.#verified.push(item.row);
        this.#nextId = item.row.id + 1;
        return;
      case 'bad': {
        const { finding, row } = item;
        this.#prepared.guard.countProbed(1);
        await this.#checks.add([row], [finding]);
        const [mended] = await this.#bad.record([finding], [row]);
        if (mended !== undefined) return window.readAgain(mended);
        return this.#replace({ first: row.id, count: 1 }, `${finding.problem}: ${finding.actual}`);
      }
      case 'misfit':
        await reportLength(this.#context, { version, bad: this.#bad, geometry }, item.row);
        return this.#replace({ first: item.row.id, count: 1 }, `its row says ${item.row.size} bytes`);
      case 'gap':
        this.#bad.recordMissingRows(item.range);
        return this.#replace(item.range, 'the database has no row for it');
    }
  }

  /** Puts zeros in place of bad blocks, or ends the stream before them. */
  async #replace(range: BlockRange, why: string): Promise<void> {
    const { request, version, geometry, guard } = this.#prepared;
    if (request.continueOnError) return this.#putZeros(range);
    // If the store is gone, that is the error.
    await guard.settle();
    const { uid } = version;
    const { first } = range;
    throw new BackyError(
      'blocksBad',
      `Block ${first} of version ${uid} is bad (${why}): the stream ends before it, at offset ${first * geometry.blockSize}.`,
      {
        data: { uid, block: first },
        hint: 'With --continue-on-error, zeros take the place of bad blocks.',
      },
    );
  }

  async #putZeros({ first, count }: BlockRange): Promise<void> {
    for (let id = first; id < first + count && !this.#writer.isReaderGone; id++) {
      if (this.#writer.isDue) await this.#flush();
      this.#writer.addZeros(rangeBytes(this.#prepared.geometry, { first: id, count: 1 }));
      this.#nextId = id + 1;
    }
  }

  async #flush(): Promise<void> {
    const before = this.#writer.writtenBytes;
    await this.#writer.flush();
    await this.#noteVerified();
    if (this.#writer.isReaderGone) return;
    this.#meter.lastId = this.#nextId - 1;
    this.#meter.add(this.#nextId - this.#meter.doneBlocks, this.#writer.writtenBytes - before);
  }

  async #noteVerified(): Promise<void> {
    const rows = this.#verified;
    this.#verified = [];
    this.#prepared.guard.countProbed(rows.length);
    await this.#checks.add(rows, []);
  }

  #remainder(): string {
    const { writtenBytes, isWriting } = this.#writer;
    // A write that was not waited for may have written a part.
    const least = isWriting ? 'At least ' : '';
    return `${least}${writtenBytes} of ${this.#prepared.version.sizeBytes} bytes were written. A stream can't be resumed.`;
  }
}
