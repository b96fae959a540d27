import { BackyError } from '../../errors.ts';
import type { Block } from '../../model/block.ts';
import { rangeBytes } from '../../model/block-range.ts';
import { blockLength, type Geometry } from '../../model/geometry.ts';
import { isAllZero } from '../../model/zero-test.ts';
import { alignedBytes } from '../../native/direct-io.ts';
import type { Finding } from '../shared/messages.ts';
import type { BufferedCodec } from './codecs.ts';
import type { Slot, WorkerContext } from './worker-context.ts';

/** A block that was fetched, well or not. */
interface Fetched {
  /** The bytes of the block that could be read. */
  bytes: Uint8Array;
  finding: Finding | undefined;
}

/**
 * Fetches and checks blocks, one after the other in one slot. Writes each to the target or compares
 * it with the source, if any.
 */
export async function fetchBlocks(context: WorkerContext, slot: Slot, blocks: readonly Block[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const block of blocks) {
    context.signal.throwIfAborted();
    const { bytes, finding } =
      block.uid === null ? zeroBlock(slot, block) : await fetchBlock(context, slot, { ...block, uid: block.uid });
    if (finding !== undefined) findings.push(finding);
    if (context.target !== undefined) await writeToTarget(context, block, bytes);
    else if (context.source !== undefined && finding === undefined) {
      const difference = await compareWithSource(context, slot, { block, bytes });
      if (difference !== undefined) findings.push(difference);
    }
  }
  return findings;
}

function zeroBlock(slot: Slot, block: Block): Fetched {
  return { bytes: slot.bytes.subarray(0, block.size).fill(0), finding: undefined };
}

type StoredBlockRow = Block & { uid: string };

/** A blob to read, and the buffer for it. */
interface BlobRead {
  block: StoredBlockRow;
  buffered: BufferedCodec;
  into(): Uint8Array;
}

/** Fetches and checks one block. Its bytes are valid until the slot is used again. */
export async function fetchBlock(context: WorkerContext, slot: Slot, block: StoredBlockRow): Promise<Fetched> {
  const buffered = context.codecs.reading(block.encVersion);
  if (!buffered.codec.transforms)
    return check(context, block, await getBlob(context, slot, { block, buffered, into: () => slot.bytes }));
  let buffer: Uint8Array | undefined;
  let decoded: Fetched;
  try {
    // Taken when it may read: blocks that wait for a pass need none.
    const into = () => {
      buffer = buffered.buffers.take();
      return buffer;
    };
    decoded = await getBlob(context, slot, { block, buffered, into });
  } finally {
    // The decoded block is in the slot now.
    if (buffer !== undefined) buffered.buffers.give(buffer);
  }
  return check(context, block, decoded);
}

/**
 * Reads a blob into the buffer that `into` gives. @returns its plain bytes, in the slot or in that
 * buffer.
 */
async function getBlob(context: WorkerContext, slot: Slot, { block, buffered: { codec }, into }: BlobRead): Promise<Fetched> {
  const { id, uid, size } = block;
  const nothing = slot.bytes.subarray(0, 0);
  let got: { stored: number | undefined; buffer: Uint8Array };
  try {
    got = await context.hashes.expect(
      context.gates.dataRead.run(size, context.signal, async () => {
        const buffer = into();
        return { buffer, stored: await context.backend.get({ uid, blockId: id, plainBytes: size }, buffer, context.signal) };
      }),
    );
  } catch (error) {
    if (!(error instanceof BackyError && error.code === 'blobUnreadable')) throw error;
    return { bytes: nothing, finding: { id, problem: 'unreadable', actual: error.message } };
  }
  const { stored, buffer } = got;
  if (stored === undefined) return { bytes: nothing, finding: { id, problem: 'missing', actual: 'no such blob' } };
  const read = buffer.subarray(0, Math.min(stored, buffer.length));
  if (!codec.isPlausible(stored, size)) {
    const bytes = codec.transforms ? nothing : read.subarray(0, size);
    return { bytes, finding: { id, problem: 'length', actual: `${stored} bytes` } };
  }
  try {
    return { bytes: codec.decode(read, block, slot.bytes.subarray(0, size)), finding: undefined };
  } catch (error) {
    if (!(error instanceof BackyError && error.code === 'blocksBad')) throw error;
    return { bytes: nothing, finding: { id, problem: 'undecodable', actual: error.message } };
  }
}

async function check(context: WorkerContext, { id, size, checksum }: StoredBlockRow, fetched: Fetched): Promise<Fetched> {
  const { bytes, finding } = fetched;
  if (finding !== undefined) return fetched;
  if (bytes.length !== size)
    return { bytes: bytes.subarray(0, size), finding: { id, problem: 'length', actual: `${bytes.length} bytes` } };
  const [actual = ''] = await context.hashes.add([bytes]);
  return { bytes, finding: actual === checksum ? undefined : { id, problem: 'checksum', actual } };
}

/**
 * Writes the bytes that could be read as they are. The others become zero, or stay as the target
 * has them.
 */
async function writeToTarget(context: WorkerContext, block: Block, bytes: Uint8Array): Promise<void> {
  const { target, setup } = context;
  if (target === undefined) return;
  const offset = block.id * setup.blockSize;
  const room = roomFor(setup, block.id);
  const known = bytes.subarray(0, room);
  await context.writing.during(() =>
    context.gates.targetWrite.run(block.size, context.signal, async () => {
      if (known.length > 0) await target.write(known, offset);
      if (known.length < room && setup.zeroMissing) await target.writeZeros(offset + known.length, room - known.length);
    }),
  );
}

/** Bytes that a block has in the image. Guards the bytes beside it against damaged rows. */
function roomFor(setup: Geometry, id: number): number {
  const room = blockLength(setup, id);
  if (Number.isSafeInteger(id) && id >= 0 && room > 0) return room;
  throw new BackyError('failed', `Block ${id} is not within the image of ${setup.sizeBytes} bytes: nothing of it was written.`, {
    hint: 'A row of the database is damaged. Find out which with: backy2 scrub',
  });
}

async function compareWithSource(
  context: WorkerContext,
  slot: Slot,
  { block, bytes }: { block: Block; bytes: Uint8Array },
): Promise<Finding | undefined> {
  const { source, setup } = context;
  if (source === undefined) return undefined;
  slot.other ??= alignedBytes(slot.bytes.length);
  const sourceBytes = slot.other.subarray(0, block.size);
  const offset = block.id * setup.blockSize;
  if (block.uid === null && (await source.isHole(offset, block.size))) return undefined;
  await context.gates.sourceRead.run(block.size, context.signal, () => source.read(sourceBytes, offset));
  if (Buffer.compare(bytes, sourceBytes) === 0) return undefined;
  const [checksum = ''] = isAllZero(sourceBytes) ? ['all zero'] : await context.hashes.add([sourceBytes]);
  return { id: block.id, problem: 'source', actual: checksum };
}

/** Makes blocks of the target read as zeros. */
export async function zeroBlocks(context: WorkerContext, first: number, count: number): Promise<void> {
  const { target, setup } = context;
  if (target === undefined) throw new Error('this worker has no target');
  roomFor(setup, first);
  const length = rangeBytes(setup, { first, count });
  await context.writing.during(() =>
    context.gates.targetWrite.run(length, context.signal, () => target.writeZeros(first * setup.blockSize, length)),
  );
}
