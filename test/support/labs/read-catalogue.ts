import { openCatalogue } from '../../../src/data/catalogue/catalogue.ts';
import type { LeafRow, ManifestHead } from '../../../src/data/catalogue/types.ts';
import { FileBackend } from '../../../src/data/file/file-backend.ts';

/** A version as the catalogue alone tells it. */
export interface StoredVersion {
  head: ManifestHead;
  /** Names of its leaves. */
  leaves: string[];
  rows: LeafRow[];
  isRemoved: boolean;
}

/** Reads all that the catalogue of a data folder has of versions. */
export async function readCatalogue(dataPath: string, masterKey?: string): Promise<Map<string, StoredVersion>> {
  const backend = new FileBackend({ type: 'file', path: dataPath, durable: false });
  try {
    if (backend.objects === undefined) throw new Error('files have a catalogue');
    const catalogue = await openCatalogue(backend.objects, { masterKey });
    const removals = await catalogue.removals();
    const versions = new Map<string, StoredVersion>();
    for (const uid of await catalogue.versionUids()) {
      const head = await catalogue.readHead(uid);
      if (head === undefined) continue;
      const leaves = await catalogue.readList(head);
      const rows: LeafRow[] = [];
      const folder = head.list.split('/').at(-2) ?? '';
      for (const [index, name] of leaves.entries()) rows.push(...(await catalogue.readLeaf(folder, index, name)));
      versions.set(uid, { head, leaves, rows, isRemoved: removals.has(uid) });
    }
    return versions;
  } finally {
    await backend.close();
  }
}
