import { inLanes } from '../lanes.ts';
import { versionOf } from './names.ts';
import type { LeafList, ManifestHead } from './types.ts';

/** Lists that are read at once. A bucket answers each after some 20 ms. */
const AT_ONCE = 16;

/** The objects of a folder. */
interface FolderContent {
  /** Names of objects. */
  lists: readonly string[];
  leaves: ReadonlySet<string>;
  readNamed(list: string): Promise<LeafList>;
}

/** Objects that nothing needs. */
interface UnusedObjects {
  lists: string[];
  leaves: string[];
}

/**
 * Finds the lists of a folder that no head names, and the leaves that none of the other lists
 * names. The caller keeps writers of this folder out.
 * @throws BackyError if a list can't be read: its leaves are not known.
 */
export async function unusedObjects(
  heads: { readHead(versionUid: string): Promise<ManifestHead | undefined> },
  { lists, leaves, readNamed }: FolderContent,
): Promise<UnusedObjects> {
  const unused: UnusedObjects = { lists: [], leaves: [] };
  const named = new Set<string>();
  await inLanes(lists, AT_ONCE, async (list) => {
    const head = await heads.readHead(versionOf(list));
    if (head?.list !== list) unused.lists.push(list);
    else for (const leaf of await readNamed(list)) named.add(leaf);
  });
  for (const leaf of leaves) if (!named.has(leaf)) unused.leaves.push(leaf);
  return unused;
}
