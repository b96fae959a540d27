import { toPlainError } from '../../errors.ts';
import type { ViewBlock, ViewOutcome } from '../shared/messages.ts';
import { fetchBlock } from './fetch-job.ts';
import type { WorkerContext } from './worker-context.ts';

/**
 * Fetches and checks blocks, each into its place in the arena. A bad block, or a failure of the
 * backend, is the outcome of that block alone: other readers must not suffer from it.
 */
export async function viewBlocks(context: WorkerContext, blocks: readonly ViewBlock[]): Promise<ViewOutcome[]> {
  const { arena, blockSize } = context.setup;
  if (arena === undefined) throw new Error('this worker has no arena');
  context.signal.throwIfAborted();
  // All at once, so that they are hashed together. None rejects: nothing is written into the arena
  // after this has ended.
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
