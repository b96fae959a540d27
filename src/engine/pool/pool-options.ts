import type { DataBackendOptions, EncryptionOptions } from '../../data/options.ts';
import type { RetryNotice } from '../../data/retrier.ts';
import type { IoSpec } from '../../io/shared.ts';
import { shareGate } from '../shared/gate.ts';
import type { WorkerSetup } from '../shared/messages.ts';
import { shareWriteCounts } from '../shared/write-count.ts';

/** Options of a {@link WorkerPool}. */
export interface PoolOptions {
  /** Worker threads. */
  workers: number;
  /**
   * Work on the calling thread instead, with one worker: {@link needsThreads} says when. Ignored
   * with a target, whose zero ranges are written by calls that block their thread for as long as a
   * device takes. [false]
   */
  inline?: boolean | undefined;
  blockSize: number;
  sizeBytes: number;
  hashFunction: string;
  encryption: EncryptionOptions;
  data: DataBackendOptions;
  source?: IoSpec | undefined;
  target?: IoSpec | undefined;
  zeroMissing?: boolean | undefined;
  /** Called for each request to the data backend that failed and is repeated. */
  onRetry(notice: RetryNotice): void;
  /** Takes the blocks of `view` jobs. */
  arena?: SharedArrayBuffer | undefined;
  /** Called from time to time while no worker ends a block. */
  onQuiet?: ((seconds: number) => void) | undefined;
  /**
   * Program of the threads [the block worker]. Unit tests name another: Node 20 starts no thread
   * from TypeScript.
   */
  workerProgram?: URL | undefined;
}

/**
 * Bytes of small blocks that are read and answered together: a message per block costs more than
 * its checksum.
 */
const SMALL_READ_BYTES = 1024 * 1024;
/**
 * Slots of a worker beyond the limits of its I/O: one block is hashed, and another waits for main.
 */
const SPARE_SLOTS = 2;
/**
 * Slots of a worker at least: four blocks are hashed together (lanes.h) while two are read or
 * written.
 */
const LEAST_SLOTS = 6;
/**
 * Slots of a worker where memory allows: AVX-512 hashes eight blocks in the time of four, while
 * others wait for main. The extra slots are never used for more I/O at once: a stop of the program
 * waits for that, and a slow backend takes long.
 */
const AMPLE_SLOTS = 16;
/**
 * Memory of all slots up to which there may be extra ones: eight blocks of 4 MiB for each of two
 * workers. With twice as much, a backup took as much processor time, and a scrub 6 % less.
 */
const AMPLE_MEMORY_BYTES = 64 * 1024 ** 2;
/** Memory of all slots and the buffers for their blobs, unless two slots per worker take more. */
const SLOT_MEMORY_BYTES = 1024 ** 3;

/** How the memory of a pool is divided. The number of slots bounds it. */
export interface SlotPlan {
  slotBytes: number;
  slotsPerWorker: number;
  /** Slots that may be reading or writing at once while other blocks do not wait for checksums. */
  ioSlotsPerWorker: number;
  /** Blocks that fit in a slot. */
  blocksPerSlot: number;
}

/** The pool works on the calling thread. */
export function isInline({ inline, target }: Pick<PoolOptions, 'inline' | 'target'>): boolean {
  return inline === true && target === undefined;
}

function workerCount(options: PoolOptions): number {
  return isInline(options) ? 1 : options.workers;
}

/**
 * Reads and writes that the limits allow at once. A target that is compared is the source as well.
 */
function mostInFlight({ source, target, data }: PoolOptions): number {
  if (target === undefined) return (source?.limits.simultaneousReads ?? data.simultaneousReads) + data.simultaneousWrites;
  return (source?.limits.simultaneousReads ?? 0) + data.simultaneousReads + target.limits.simultaneousWrites;
}

/** Plans the slots from the limits of source, target and backend. */
export function planSlots(options: PoolOptions): SlotPlan {
  const blocksPerSlot = Math.max(1, Math.floor(SMALL_READ_BYTES / options.blockSize));
  const slotBytes = blocksPerSlot * options.blockSize;
  const workers = workerCount(options);
  const inFlight = mostInFlight(options);
  const wanted = Math.ceil(inFlight / workers) + SPARE_SLOTS;
  const buffersPerSlot = options.encryption.key === undefined ? 1 : 2;
  const slotsWithin = (bytes: number) => Math.floor(bytes / (slotBytes * buffersPerSlot * workers));
  const ioSlotsPerWorker = Math.max(2, Math.min(Math.max(wanted, LEAST_SLOTS), slotsWithin(SLOT_MEMORY_BYTES)));
  const slotsPerWorker = Math.max(ioSlotsPerWorker, Math.min(AMPLE_SLOTS, slotsWithin(AMPLE_MEMORY_BYTES)));
  return { slotBytes, blocksPerSlot, ioSlotsPerWorker, slotsPerWorker };
}

/** Milliseconds that all slots together take at the configured bandwidth: no job is late before. */
export function slowestJobMs(options: PoolOptions, plan: SlotPlan): number {
  const { data } = options;
  const bandwidth = Math.min(data.bandwidthRead || Number.POSITIVE_INFINITY, data.bandwidthWrite || Number.POSITIVE_INFINITY);
  return ((plan.slotBytes * plan.slotsPerWorker * workerCount(options)) / bandwidth) * 1000;
}

/** The setups of all workers of a pool; they share gates and heartbeats. */
export function workerSetups(options: PoolOptions, plan: SlotPlan): WorkerSetup[] {
  // A slot of small blocks stores them all at once.
  const workers = workerCount(options);
  const users = workers * plan.slotsPerWorker * plan.blocksPerSlot;
  const { data, source, target } = options;
  const shared = {
    gates: {
      sourceRead: shareGate(source?.limits.simultaneousReads ?? users, 0, users),
      targetWrite: shareGate(target?.limits.simultaneousWrites ?? users, 0, users),
      dataRead: shareGate(data.simultaneousReads, data.bandwidthRead, users),
      dataWrite: shareGate(data.simultaneousWrites, data.bandwidthWrite, users),
    },
    heartbeats: new SharedArrayBuffer(workers * Int32Array.BYTES_PER_ELEMENT),
    writing: shareWriteCounts(workers),
  };
  return Array.from({ length: workers }, (_, index) => ({
    index,
    blockSize: options.blockSize,
    sizeBytes: options.sizeBytes,
    hashFunction: options.hashFunction,
    slots: plan.slotsPerWorker,
    ioSlots: plan.ioSlotsPerWorker,
    slotBytes: plan.slotBytes,
    data,
    encryption: options.encryption,
    source,
    target,
    zeroMissing: options.zeroMissing ?? true,
    arena: options.arena,
    mayBlock: !isInline(options),
    ...shared,
  }));
}
