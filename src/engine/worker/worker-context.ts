import type { DataBackend } from '../../data/data-backend.ts';
import { openDataBackend } from '../../data/open-backend.ts';
import type { RetryNotice } from '../../data/retrier.ts';
import { BackyError } from '../../errors.ts';
import { openSource, openTarget } from '../../io/open-io.ts';
import type { IoSpec } from '../../io/shared.ts';
import type { Source } from '../../io/source.ts';
import type { Target } from '../../io/target.ts';
import { Gate } from '../shared/gate.ts';
import type { WorkerGates, WorkerSetup } from '../shared/messages.ts';
import { WriteCount } from '../shared/write-count.ts';
import { Codecs } from './codecs.ts';
import { type BatchOwner, HashBatch } from './hash-batch.ts';
import { hasherFor } from './hasher.ts';
import { ZeroChecksums } from './zero-checksums.ts';

/** A buffer for one job's blocks. */
export interface Slot {
  bytes: Uint8Array;
  /** A second one of the same size, for comparisons. Made on first use. */
  other: Uint8Array | undefined;
}

/** The parts that a worker's jobs share. */
export interface WorkerContext {
  setup: WorkerSetup;
  backend: DataBackend;
  source: Source | undefined;
  target: Target | undefined;
  hashes: HashBatch;
  zeroChecksums: ZeroChecksums;
  codecs: Codecs;
  gates: Record<keyof WorkerGates, Gate>;
  writing: WriteCount;
  signal: AbortSignal;
}

/** Events and the end of a context. */
interface ContextEvents {
  signal: AbortSignal;
  hashes: BatchOwner;
  /** A request to the data backend failed and is repeated. */
  onRetry(notice: RetryNotice): void;
}

/** Opens source, target and backend for a worker. */
export function openContext(setup: WorkerSetup, { signal, hashes, onRetry }: ContextEvents): WorkerContext {
  const batch = new HashBatch(hasherFor(setup.hashFunction), setup.slots, hashes);
  return {
    setup,
    backend: openDataBackend(setup.data, onRetry, setup.mayBlock),
    source: setup.source === undefined ? undefined : openWholeSource(setup.source, setup),
    target: setup.target === undefined ? undefined : openTarget(setup.target),
    hashes: batch,
    zeroChecksums: new ZeroChecksums(batch),
    codecs: new Codecs(setup),
    gates: {
      sourceRead: new Gate(setup.gates.sourceRead),
      targetWrite: new Gate(setup.gates.targetWrite),
      dataRead: new Gate(setup.gates.dataRead),
      dataWrite: new Gate(setup.gates.dataWrite),
    },
    writing: new WriteCount(setup.writing, setup.index),
    signal,
  };
}

/** Refuses a source that is shorter than when main opened it. */
function openWholeSource(spec: IoSpec, { blockSize, sizeBytes, mayBlock }: WorkerSetup): Source {
  const source = openSource(spec, { blockSize, mayBlock });
  if (source.sizeBytes >= sizeBytes) return source;
  throw new BackyError('io', `${spec.url} has ${source.sizeBytes} bytes where ${sizeBytes} are expected.`, {
    hint: 'The source shrank while it was opened. Back up a snapshot, or stop what changes its size.',
  });
}

/** Closes everything, even if one of them fails. */
export async function closeContext(context: WorkerContext): Promise<void> {
  await Promise.allSettled([context.backend.close(), context.source?.close(), context.target?.close()]);
}
