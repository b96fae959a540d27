import { decodeLeaf, emptyLeaf, encodeLeaf, LEAF_BLOCKS } from '../../../src/meta/compact/leaf.ts';
import { leafHash } from '../../../src/meta/compact/leaf-sum.ts';
import { isCompact } from '../stores/compact-blocks.ts';
import type { Lab } from './lab.ts';

/**
 * Removes the block rows of a version from `firstId` on, as if they had not been committed yet. Of
 * a compact database: of a version with a single leaf, and without removing blobs that others have.
 */
export async function removeBlocks(lab: Lab, versionUid: string, firstId: number): Promise<void> {
  if (!isCompact(lab.store)) {
    lab.sql('DELETE FROM blocks WHERE version_uid = ? AND id >= ?', versionUid, firstId);
    return;
  }
  const uids = lab.blocks(versionUid).flatMap(({ id, uid }) => (id >= firstId && uid !== null ? [uid] : []));
  await cutLeaf(lab, versionUid, firstId);
  const named = new Set(lab.blocks().map(({ uid }) => uid));
  for (const uid of uids) if (!named.has(uid)) lab.sql('DELETE FROM backy2_blobs WHERE uid = ?', uid);
  lab.sql('UPDATE backy2_maps SET digest = NULL WHERE version_uid = ?', versionUid);
}

async function cutLeaf(lab: Lab, versionUid: string, n: number): Promise<void> {
  const [found, ...others] = lab.query<{ id: number; data: Uint8Array }>(
    `SELECT backy2_leaves.id AS id, data FROM backy2_leaves JOIN backy2_map_leaves ON leaf = backy2_leaves.id
      JOIN backy2_maps ON backy2_maps.id = map WHERE version_uid = ?`,
    versionUid,
  );
  if (found === undefined || others.length > 0 || n > LEAF_BLOCKS) throw new Error(`${versionUid} has not one leaf`);
  const data = encodeLeaf(
    emptyLeaf().map((missing, place) => (place < n ? (decodeLeaf(found.data)[place] ?? missing) : missing)),
  );
  const hex = data.toString('hex');
  const sum = (await leafHash())(data).toString('hex');
  // The last block, which may be short, is among those that go.
  lab.sql(
    `UPDATE backy2_leaves SET n = ?, odd = 0, sum = ${bytes(lab, sum)}, data = ${bytes(lab, hex)} WHERE id = ?`,
    n,
    found.id,
  );
}

/** Bytes as a literal. */
function bytes(lab: Lab, hex: string): string {
  return lab.store.servers.size === 0 ? `x'${hex}'` : `'\\x${hex}'::bytea`;
}
