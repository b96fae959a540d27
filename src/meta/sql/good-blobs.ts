import type { GoodBlob, Healing } from '../../model/blob.ts';
import type { BackupRow } from '../../model/block.ts';

/** The outcome of most commits. */
export const NOTHING_HEALED: Healing = { blocks: 0, versions: [] };

/**
 * Blobs of committed rows that can replace bad ones: blobs that were stored now, which bad rows of
 * the same content can use, and blobs that dedup found, which other rows use already.
 */
export function goodBlobs(rows: readonly BackupRow[], refused: readonly BackupRow[]): { fresh: GoodBlob[]; found: GoodBlob[] } {
  const out = new Set(refused);
  const fresh: GoodBlob[] = [];
  const found: GoodBlob[] = [];
  for (const row of rows) if (hasBlob(row) && !out.has(row)) (row.found ? found : fresh).push(row);
  return { fresh, found };
}

function hasBlob(row: BackupRow): row is BackupRow & GoodBlob {
  return row.uid !== null && row.checksum !== null;
}
