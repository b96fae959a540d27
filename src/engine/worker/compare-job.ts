import { BackyError } from '../../errors.ts';
import type { Block } from '../../model/block.ts';
import { blockLength } from '../../model/geometry.ts';
import type { Digest, Finding } from '../shared/messages.ts';
import { fetchBlocks, zeroBlocks } from './fetch-job.ts';
import { readBlocks } from './read-job.ts';
import type { Slot, WorkerContext } from './worker-context.ts';

/** How the target's blocks compare with their rows. */
interface Comparison {
  /** Ids of the blocks that differ, or that can't be read. */
  different: number[];
  /** For each of them that can't be read, the reason. */
  unreadable: string[];
}

/** The checksums of adjacent blocks of the target. */
interface TargetDigests {
  /** Undefined: the block can't be read. */
  digests: (Digest | undefined)[];
  unreadable: string[];
}

/**
 * Reads adjacent blocks of the target with one read, and compares their checksums with their rows.
 * The worker's source MUST be the target. With `write`, fetches and writes those that differ.
 */
export async function compareBlocks(
  context: WorkerContext,
  slot: Slot,
  { blocks, write }: { blocks: readonly Block[]; write: boolean },
): Promise<Comparison & { findings: Finding[] }> {
  const { digests, unreadable } = await digestsOf(context, slot, blocks);
  const unequal: Block[] = [];
  for (const [index, block] of blocks.entries()) {
    if (!(await isEqual(context, block, digests[index]))) unequal.push(block);
  }
  const compared = { different: unequal.map(({ id }) => id), unreadable };
  if (!write) return { ...compared, findings: [] };
  for (const { id, uid } of unequal) if (uid === null) await zeroBlocks(context, id, 1);
  const stored = unequal.filter(({ uid }) => uid !== null);
  return { ...compared, findings: await fetchBlocks(context, slot, stored) };
}

/** Reads adjacent blocks with one read or, if it fails, with one each. */
async function digestsOf(context: WorkerContext, slot: Slot, blocks: readonly Block[]): Promise<TargetDigests> {
  const [block] = blocks;
  if (block === undefined) return { digests: [], unreadable: [] };
  try {
    const { digests } = await readBlocks(context, slot, { first: block.id, count: blocks.length });
    return { digests, unreadable: [] };
  } catch (error) {
    if (!(error instanceof BackyError && error.code === 'io')) throw error;
    if (blocks.length === 1) return { digests: [undefined], unreadable: [error.message] };
  }
  const all: TargetDigests = { digests: [], unreadable: [] };
  for (const one of blocks) {
    const { digests, unreadable } = await digestsOf(context, slot, [one]);
    all.digests.push(...digests);
    all.unreadable.push(...unreadable);
  }
  return all;
}

/**
 * Rows of zero blocks may be without a size in old databases, so that only others are held to it.
 */
async function isEqual(context: WorkerContext, { id, uid, size, checksum }: Block, digest: Digest | undefined): Promise<boolean> {
  if (digest === undefined) return false;
  if (uid === null) return digest === null;
  if (size !== blockLength(context.setup, id)) return false;
  return checksum === (digest ?? (await context.zeroChecksums.of(size)));
}
