import { dirname } from 'node:path';
import type { BlobFiles } from './blob-files.ts';

/**
 * Makes new directory entries durable, many at once: a rename or mkdir survives power loss only
 * after an fsync of the folder with the entry. One commit of the journal then covers a group of
 * renames.
 */
export class DurableFolders {
  readonly #root: string;
  readonly #files: Pick<BlobFiles, 'syncFolders'>;
  /** Folders whose own entries, up to the root, are durable. */
  readonly #settled = new Set<string>();
  #touched = new Set<string>();
  /** The latest sync, which waits for all before it. */
  #syncs = Promise.resolve();

  constructor(root: string, files: Pick<BlobFiles, 'syncFolders'>) {
    this.#root = root;
    this.#files = files;
    this.#settled.add(root);
  }

  /**
   * Notes that `folder` has a new entry. Another process may have made the folder just now, so its
   * own entry counts as new.
   */
  touch(folder: string): void {
    this.#touched.add(folder);
    for (let child = folder; !this.#settled.has(child); child = dirname(child)) this.#touched.add(dirname(child));
  }

  /**
   * Fsyncs every folder touched before the call. After a failure, every later call rejects: the
   * kernel reports a failed write once, so a later fsync proves nothing about earlier entries.
   */
  sync(): Promise<void> {
    this.#syncs = this.#syncs.then(() => this.#syncTouched());
    return this.#syncs;
  }

  async #syncTouched(): Promise<void> {
    const folders = this.#touched;
    this.#touched = new Set();
    await this.#files.syncFolders([...folders]);
    // Each touched folder below the root was synced with its parents: their entries are durable
    // now.
    for (const folder of folders) if (folder.startsWith(this.#root)) this.#settled.add(folder);
  }
}
