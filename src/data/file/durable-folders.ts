import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes new directory entries durable, many at once: a rename or mkdir survives power loss only after the
 * folder that holds the entry was fsynced. One journal commit then carries all the renames of a group.
 */
export class DurableFolders {
  readonly #root: string;
  /** Folders whose own entry, up to the root, is known to be durable. */
  readonly #settled = new Set<string>();
  #touched = new Set<string>();

  constructor(root: string) {
    this.#root = root;
    this.#settled.add(root);
  }

  /** Notes that `folder` has a new entry. Its own entry may be new as well, made by whomever, so it counts too. */
  touch(folder: string): void {
    this.#touched.add(folder);
    for (let child = folder; !this.#settled.has(child); child = dirname(child)) this.#touched.add(dirname(child));
  }

  /** Fsyncs every folder touched before the call. If it rejects, they count as touched still. */
  async sync(): Promise<void> {
    const folders = this.#touched;
    this.#touched = new Set();
    try {
      await Promise.all([...folders].map(syncFolder));
    } catch (error) {
      for (const folder of folders) this.#touched.add(folder);
      throw error;
    }
    // Each touched folder below the root came with its parents: their entries are durable now.
    for (const folder of folders) if (folder.startsWith(this.#root)) this.#settled.add(folder);
  }
}

async function syncFolder(path: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r');
    await handle.sync();
  } finally {
    await handle?.close();
  }
}
