import { toPlainError } from '../errors.ts';
import { fetchBlock } from './fetch-job.ts';
import type { ViewBlock, ViewOutcome } from './messages.ts';
import type { WorkerContext } from './worker-context.ts';

/**
 * Fetches and checks blocks, each into its place in the arena. A block that is bad, or a backend that fails, is that block's outcome: who reads
 * others must not suffer from it.
 */
export async function viewBlocks(context: WorkerContext, blocks: readonly ViewBlock[]): Promise<ViewOutcome[]> {
  const { arena, blockSize } = context.setup;
  if (arena === undefined) throw new Error('this worker has no arena');
  // All at once: what is read meanwhile is hashed together.
  return Promise.all(
    blocks.map(async (block) => {
      context.signal.throwIfAborted();
      const slot = { bytes: new Uint8Array(arena, block.at, blockSize), other: undefined };
      try {
        const { finding } = await fetchBlock(context, slot, block);
        return finding === undefined ? null : { finding };
      } catch (error) {
        return { error: toPlainError(error, 'worker') };
      }
    }),
  );
}
