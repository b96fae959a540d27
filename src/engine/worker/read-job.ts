import { newBlobUid } from '../../data/blob-uid.ts';
import { BackyError } from '../../errors.ts';
import { type BlockRange, rangeBytes } from '../../model/block-range.ts';
import { blockLength } from '../../model/geometry.ts';
import { isAllZero } from '../../model/zero-test.ts';
import type { Decision, Digest, StoredBlock } from '../shared/messages.ts';
import { checkImportedBlob } from './imported-blob.ts';
import type { Slot, WorkerContext } from './worker-context.ts';

const NO_BUFFER = new Uint8Array(0);

/**
 * Reads blocks into the slot with one read, and hashes them. A known hole of the source is not
 * read.
 */
export async function readBlocks(
  context: WorkerContext,
  slot: Slot,
  span: BlockRange,
): Promise<{ digests: Digest[]; bytesRead: number }> {
  const { source, setup } = context;
  if (source === undefined) throw new Error('this worker has no source');
  const offset = span.first * setup.blockSize;
  const bytes = slot.bytes.subarray(0, rangeBytes(setup, span));
  if (await source.isHole(offset, bytes.length)) return { digests: new Array<Digest>(span.count).fill(null), bytesRead: 0 };
  try {
    const reading = context.gates.sourceRead.run(bytes.length, context.signal, () => source.read(bytes, offset));
    if (reading !== undefined) await context.hashes.expect(reading);
  } catch (error) {
    throw await findBadBlock(context, bytes, { error, span });
  }
  return { digests: await digestBlocks(context, bytes), bytesRead: bytes.length };
}

async function digestBlocks({ setup, hashes }: WorkerContext, bytes: Uint8Array): Promise<Digest[]> {
  const blocks: Uint8Array[] = [];
  for (let start = 0; start < bytes.length; start += setup.blockSize) blocks.push(bytes.subarray(start, start + setup.blockSize));
  const isZero = blocks.map(isAllZero);
  const checksums = (await hashes.add(blocks.filter((_, index) => !isZero[index]))).values();
  return isZero.map((zero) => (zero ? null : (checksums.next().value ?? null)));
}

/** Repeats a failed read block by block, so that the error can name the bad one. */
async function findBadBlock(
  context: WorkerContext,
  bytes: Uint8Array,
  { error, span }: { error: unknown; span: BlockRange },
): Promise<unknown> {
  const { source, setup } = context;
  for (let id = span.first; id < span.first + span.count && source !== undefined; id++) {
    const offset = id * setup.blockSize;
    try {
      await source.read(bytes.subarray(0, blockLength(setup, id)), offset);
    } catch (own) {
      if (!(own instanceof BackyError)) return own;
      const details = own.hint === undefined ? { cause: own } : { hint: own.hint, cause: own };
      return new BackyError(own.code, `Reading block ${id} at offset ${offset}: ${own.message}`, details);
    }
  }
  // The failure was temporary, or not of a block.
  return error;
}

/**
 * Blocks of a slot to encode at once at least: their digests for S3 are made together (lanes.h).
 */
const LEAST_AT_ONCE = 8;

/**
 * Stores the blocks of a slot as main decided: some at once, so that the backend is never idle.
 * After a failure, no further block is begun.
 */
export async function storeBlocks(
  context: WorkerContext,
  slot: Slot,
  span: BlockRange & { decisions: readonly Decision[] },
): Promise<StoredBlock[]> {
  const { setup } = context;
  const blocks: BlockToStore[] = [];
  for (const [index, decision] of span.decisions.entries()) {
    if (decision === null) continue;
    const start = index * setup.blockSize;
    const id = span.first + index;
    blocks.push({ id, block: slot.bytes.subarray(start, start + blockLength(setup, id)), decision });
  }
  const stored: StoredBlock[] = [];
  let failure: { error: unknown } | undefined;
  const waiting = blocks.entries();
  const storeSome = async () => {
    for (const [index, block] of waiting) {
      if (failure !== undefined) return;
      stored[index] = await storeBlock(context, block);
    }
  };
  const atOnce = Math.min(blocks.length, Math.max(setup.data.simultaneousWrites, LEAST_AT_ONCE));
  // The slot's bytes are in use until the last put has ended, even if one of them fails.
  await Promise.all(
    Array.from({ length: atOnce }, () =>
      storeSome().catch((error: unknown) => {
        failure ??= { error };
      }),
    ),
  );
  if (failure !== undefined) throw failure.error;
  return stored;
}

/** A block in a slot, and main's decision on it. */
interface BlockToStore {
  id: number;
  block: Uint8Array;
  decision: NonNullable<Decision>;
}

async function storeBlock(context: WorkerContext, { id, block, decision }: BlockToStore): Promise<StoredBlock> {
  if (decision.action === 'store') return putBlock(context, { id, block });
  const rejection = await checkReuse(context, decision, { id, size: block.length });
  if (rejection !== undefined) return { ...(await putBlock(context, { id, block })), ...rejection };
  return { id, uid: decision.uid, envKey: null, nonce: null, written: false };
}

/** Stores a block as a new blob. Its bytes MUST stay as they are until this settles. */
export async function putBlock(context: WorkerContext, { id, block }: Omit<BlockToStore, 'decision'>): Promise<StoredBlock> {
  const { codec, buffers } = context.codecs.writing;
  // Made here: for small blocks, main's time is what bounds a backup.
  const uid = newBlobUid();
  // Encodes and prepares before it waits for a pass: with one write at a time, other workers must
  // not idle.
  const buffer = codec.transforms ? buffers.take() : NO_BUFFER;
  try {
    const { bytes, envKey, nonce } = codec.encode(block, buffer);
    const put = await context.backend.preparePut?.(uid, bytes);
    await context.gates.dataWrite.run(bytes.length, context.signal, () =>
      put === undefined ? context.backend.put(uid, bytes, context.signal) : put(context.signal),
    );
    return { id, uid, envKey, nonce, written: true };
  } finally {
    if (codec.transforms) buffers.give(buffer);
  }
}

/**
 * Why a blob that the database knows can't be used: it is missing or can't be that block. Undefined
 * if it can.
 */
export async function checkReuse(
  context: WorkerContext,
  { uid, verify }: Extract<Decision, { action: 'reuse' }>,
  { id, size }: { id: number; size: number },
): Promise<Pick<StoredBlock, 'rejected' | 'wrongImport'> | undefined> {
  const probe = await context.backend.probe(uid);
  if (probe.state === 'missing') return { rejected: 'it is missing' };
  if (probe.state === 'present' && !context.codecs.writing.codec.isPlausible(probe.storedBytes, size)) {
    return { rejected: `it has ${probe.storedBytes} bytes, which can't be a block of ${size} bytes` };
  }
  const rejected = verify === undefined ? undefined : await checkImportedBlob(context, { id, uid, size, content: verify });
  return rejected === undefined ? undefined : { rejected, wrongImport: true };
}
