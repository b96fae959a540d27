import type { Finding, RecodeBlock, StoredBlock } from '../shared/messages.ts';
import { fetchBlock } from './fetch-job.ts';
import { checkReuse, putBlock } from './read-job.ts';
import type { Slot, WorkerContext } from './worker-context.ts';

/**
 * Gives blocks a blob of the encryption version that is written, one after the other in one slot:
 * an existing one, or a new one made from the old. A block whose old blob is bad gets none.
 */
export async function recodeBlocks(
  context: WorkerContext,
  slot: Slot,
  blocks: readonly RecodeBlock[],
): Promise<{ blocks: StoredBlock[]; findings: Finding[] }> {
  const stored: StoredBlock[] = [];
  const findings: Finding[] = [];
  for (const { from, decision } of blocks) {
    context.signal.throwIfAborted();
    const { id, size } = from;
    const rejection = decision.action === 'reuse' ? await checkReuse(context, decision, { id, size }) : undefined;
    if (decision.action === 'reuse' && rejection === undefined) {
      stored.push({ id, uid: decision.uid, envKey: null, nonce: null, written: false });
      continue;
    }
    const { bytes, finding } = await fetchBlock(context, slot, from);
    if (finding !== undefined) {
      findings.push(finding);
      continue;
    }
    const block = await putBlock(context, { id, block: bytes });
    stored.push({ ...block, ...rejection });
  }
  return { blocks: stored, findings };
}
