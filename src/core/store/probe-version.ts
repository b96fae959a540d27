import type { DataBackend } from '../../data/data-backend.ts';
import type { NamedBlob } from '../../meta/identity-store.ts';
import type { Context } from '../context.ts';
import { confirmStore } from './check-store.ts';
import { type ProbeResult, probeBlobs } from './probe-blobs.ts';
import { withStorage } from './storage.ts';

/** Rows that are read from the database at a time. */
const PAGE_ROWS = 5_000;
/** Blobs that one transaction marks: it may read all of the database to find their versions. */
const MARKED_TOGETHER = 10_000;

/**
 * Looks for every blob that the version's valid rows name. Costs one call of the file system, or
 * one small request, for each.
 * @throws BackyError `wrongStore` if some are missing and the store is another one by now.
 */
export function probeVersion(context: Context, versionUid: string): Promise<ProbeResult> {
  return withStorage(context, async (backend) => {
    const result = await probeRows(context, backend, versionUid);
    if (result.missing.length > 0) await confirmStore(context, backend);
    return result;
  });
}

async function probeRows({ meta, signal }: Context, backend: DataBackend, versionUid: string): Promise<ProbeResult> {
  const sum: ProbeResult = { probed: 0, missing: [] };
  for (let after = -1; ; ) {
    const page = await meta.blockPage(versionUid, after, PAGE_ROWS);
    const named = page.flatMap(({ uid, checksum, valid }): NamedBlob[] =>
      uid === null || checksum === null || !valid ? [] : [{ uid, checksum }],
    );
    const { probed, missing } = await probeBlobs(backend, [...new Map(named.map((blob) => [blob.uid, blob])).values()], signal);
    sum.probed += probed;
    sum.missing.push(...missing);
    const last = page.at(-1);
    if (last === undefined) return sum;
    after = last.id;
  }
}

/** Marks missing blobs, and the versions that hold them, invalid. */
export async function markMissing({ meta }: Context, missing: readonly NamedBlob[]): Promise<void> {
  for (let first = 0; first < missing.length; first += MARKED_TOGETHER)
    await meta.markBlobsInvalid(missing.slice(first, first + MARKED_TOGETHER));
}
