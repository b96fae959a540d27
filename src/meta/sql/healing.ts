import type { GoodBlob, Healing } from '../../model/blob.ts';
import type { BackupRow } from '../../model/block.ts';

/** What most commits heal. */
export const NOTHING_HEALED: Healing = { blocks: 0, versions: [] };

/**
 * The blobs of rows that were committed, as what could stand in for bad ones: blobs that were stored just now, which rows with the same content
 * may lack, and those that dedup has found, where a good one is there already.
 */
export function goodBlobs(rows: readonly BackupRow[], refused: readonly BackupRow[]): { fresh: GoodBlob[]; found: GoodBlob[] } {
  const out = new Set(refused);
  const fresh: GoodBlob[] = [];
  const found: GoodBlob[] = [];
  for (const row of rows) {
    const { uid, checksum } = row;
    if (uid !== null && checksum !== null && !out.has(row)) (row.found ? found : fresh).push({ ...row, uid, checksum });
  }
  return { fresh, found };
}
