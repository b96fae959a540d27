import type { DataBackendOptions, EncryptionOptions } from '../../data/options.ts';
import type { RetryNotice } from '../../data/retrying-backend.ts';
import type { IoSpec } from '../../io/shared.ts';
import { shareGate } from '../shared/gate.ts';
import type { WorkerSetup } from '../shared/messages.ts';
import { shareWriteCounts } from '../shared/write-count.ts';

/** Options of a {@link WorkerPool}. */
export interface PoolOptions {
  /** Worker threads. */
  workers: number;
  /**
   * Work on the calling thread instead, with one worker: {@link needsThreads} says when. Ignored with
   * a target, whose zero ranges are written by calls that block their thread for as long as a device
   * takes. [false]
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
  /** Told of each request to the data backend that failed and is repeated. */
  onRetry(notice: RetryNotice): void;
  /** For `view` jobs: where their blocks go. */
  arena?: SharedArrayBuffer | undefined;
  /** Told now and then when no worker has ended a block for a while. */
  onQuiet?: ((seconds: number) => void) | undefined;
  /** Program of the threads; undefined: the block worker. Node 20 starts no thread from TypeScript, so unit tests name another file. */
  workerProgram?: URL | undefined;
}

/** Small blocks are read and answered together, up to so many bytes: a message a block would cost more than its checksum. */
const SMALL_READ_BYTES = 1024 * 1024;
/** Slots a worker has beyond what the limits let be in flight: one is hashed while the next is read and another waits for main. */
const SPARE_SLOTS = 2;
/** A worker has at least so many slots: four blocks are hashed together (sha512-lanes.c) while two are on their way. */
const LEAST_SLOTS = 6;
/**
 * And so many where memory allows: eight blocks, which AVX-512 hashes in the time of four, while others are on their way or wait for main. They are
 * for nothing else: whatever stops the program waits for what is being read and written, which a slow backend must not have more of.
 */
const AMPLE_SLOTS = 16;
/** What all slots together may take for that: processors with many cores hash fast enough without. */
const AMPLE_MEMORY_BYTES = 256 * 1024 ** 2;
/** All slots together, with the buffers for their blobs, stay below this where two a worker allow it. */
const SLOT_MEMORY_BYTES = 1024 ** 3;

/** How the memory of a pool is cut: the number of slots, over all workers, is what bounds it. */
export interface SlotPlan {
  slotBytes: number;
  slotsPerWorker: number;
  /** Of these, so many may be reading or writing when others do not wait for checksums. */
  ioSlotsPerWorker: number;
  /** Blocks that fit a slot. */
  blocksPerSlot: number;
}

/** The pool works on the calling thread. */
export function isInline({ inline, target }: Pick<PoolOptions, 'inline' | 'target'>): boolean {
  return inline === true && target === undefined;
}

function workerCount(options: PoolOptions): number {
  return isInline(options) ? 1 : options.workers;
}

/** Plans the slots from the limits of source, target and backend. */
export function planSlots(options: PoolOptions): SlotPlan {
  const blocksPerSlot = Math.max(1, Math.floor(SMALL_READ_BYTES / options.blockSize));
  const slotBytes = blocksPerSlot * options.blockSize;
  const workers = workerCount(options);
  const inFlight =
    options.target === undefined
      ? (options.source?.limits.simultaneousReads ?? options.data.simultaneousReads) + options.data.simultaneousWrites
      : options.data.simultaneousReads + options.target.limits.simultaneousWrites;
  const wanted = Math.ceil(inFlight / workers) + SPARE_SLOTS;
  const buffersPerSlot = options.encryption.key === undefined ? 1 : 2;
  const within = (bytes: number) => Math.floor(bytes / (slotBytes * buffersPerSlot * workers));
  const ioSlotsPerWorker = Math.max(2, Math.min(Math.max(wanted, LEAST_SLOTS), within(SLOT_MEMORY_BYTES)));
  const slotsPerWorker = Math.max(ioSlotsPerWorker, Math.min(AMPLE_SLOTS, within(AMPLE_MEMORY_BYTES)));
  return { slotBytes, blocksPerSlot, ioSlotsPerWorker, slotsPerWorker };
}

/** How long all slots together take at the configured bandwidth: nothing need end any earlier. */
export function slowestJobMs(options: PoolOptions, plan: SlotPlan): number {
  const { data } = options;
  const bandwidth = Math.min(data.bandwidthRead || Number.POSITIVE_INFINITY, data.bandwidthWrite || Number.POSITIVE_INFINITY);
  return ((plan.slotBytes * plan.slotsPerWorker * workerCount(options)) / bandwidth) * 1000;
}

/** The setups of all workers of a pool; they share gates and heartbeats. */
export function workerSetups(options: PoolOptions, plan: SlotPlan): WorkerSetup[] {
  // A slot of small blocks stores many of them at once.
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
