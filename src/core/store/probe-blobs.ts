import type { BlobProbe, DataBackend } from '../../data/data-backend.ts';
import type { NamedBlob } from '../../meta/identity-store.ts';

/** Blobs that are looked for to recognise a store. */
export const SAMPLE_BLOBS = 16;
/** Blobs that are looked for at the same time: each may be a request to a server. */
const AT_ONCE = 16;

/** The outcome of a search for blobs. */
export interface ProbeResult {
  /** Blobs that were looked for. */
  probed: number;
  missing: NamedBlob[];
}

/**
 * Looks for blobs without reading them. Costs one call of the file system, or one small request,
 * for each.
 */
export async function probeBlobs(backend: DataBackend, blobs: readonly NamedBlob[], signal: AbortSignal): Promise<ProbeResult> {
  const missing: NamedBlob[] = [];
  let begun = 0;
  const runLane = async () => {
    for (let blob = blobs[begun++]; blob !== undefined; blob = blobs[begun++]) {
      signal.throwIfAborted();
      if (isMissing(await backend.find(blob.uid, signal))) missing.push(blob);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, runLane));
  return { probed: blobs.length, missing };
}

/** An empty blob counts as missing: no block is that short. */
function isMissing(probe: BlobProbe): boolean {
  return probe.state === 'missing' || (probe.state === 'present' && probe.storedBytes === 0);
}
