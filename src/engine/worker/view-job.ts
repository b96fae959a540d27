import { toPlainError } from '../../errors.ts';
import type { ViewBlock, ViewOutcome } from '../shared/messages.ts';
import { fetchBlock } from './fetch-job.ts';
import type { WorkerContext } from './worker-context.ts';

/**
 * Fetches and checks blocks, each into its place in the arena. A block that is bad, or a backend that fails, is that block's outcome: who reads
 * others must not suffer from it.
 */
export async function viewBlocks(context: WorkerContext, blocks: readonly ViewBlock[]): Promise<ViewOutcome[]> {
  const { arena, blockSize } = context.setup;
  if (arena === undefined) throw new Error('this worker has no arena');
  context.signal.throwIfAborted();
  // All at once: what is read meanwhile is hashed together. None rejects, so that nothing is on its way into the arena once this is over.
  return Promise.all(
    blocks.map(async (block) => {
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
