import { BackyError } from '../../errors.ts';
import { alignedBytes } from '../../native/direct-io.ts';
import type { BlobContent, Finding } from '../shared/messages.ts';
import { fetchBlock } from './fetch-job.ts';
import type { WorkerContext } from './worker-context.ts';

/** A blob to verify, and the block that it is to be used for. */
interface ImportedBlob {
  id: number;
  uid: string;
  /** Bytes of the plain block. */
  size: number;
  content: BlobContent;
}

/**
 * Reads and checks a blob that only an import names.
 * @returns why it can't be used; undefined when it holds the block. A blob that can't be read is
 * not used either: the block can be stored instead, and a host may lack the right to read.
 */
export async function checkImportedBlob(
  context: WorkerContext,
  { id, uid, size, content }: ImportedBlob,
): Promise<string | undefined> {
  // The job's own slot holds the block to store.
  const slot = { bytes: alignedBytes(context.setup.blockSize), other: undefined };
  try {
    const { finding } = await context.hashes.hurry(() => fetchBlock(context, slot, { id, uid, size, ...content }));
    return finding === undefined ? undefined : describe(finding);
  } catch (error) {
    if (error instanceof BackyError && error.code === 'dataBackend') return `it can't be read: ${error.message}`;
    throw error;
  }
}

function describe({ problem, actual }: Finding): string {
  return problem === 'checksum'
    ? `an import names it for other content (checksum ${actual})`
    : `an import names it, and it is bad (${problem}: ${actual})`;
}
