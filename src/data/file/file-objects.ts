import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { rm, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf } from '../../errors.ts';
import { makeFolders, syncParents } from '../../native/make-folders.ts';
import { inLanes } from '../lanes.ts';
import { isObjectName, type ObjectStore, refuseUnsafeNames, type StoredObject } from '../object-store.ts';
import { readWhole } from '../read-whole.ts';
import type { BlobFiles } from './blob-files.ts';
import { DurableFolders } from './durable-folders.ts';
import { fileFailure, isUnreadable } from './failures.ts';
import { TemporaryFolder } from './temporary-folder.ts';
import { unreadable } from './unreadable.ts';

/** Files in flight at once. */
const AT_ONCE = 16;

/** Where and how objects are stored. */
interface FileObjectsOptions {
  /** The data folder. */
  root: string;
  /** The folder in it that has all objects. */
  folder: string;
  isDurable: boolean;
  fileMode: number;
  files: BlobFiles;
}

/**
 * Objects as files below the data folder, each under its name (docs/spec/formats.md §10): written
 * under a temporary name, fsynced, renamed. Temporary files are in a folder of their own: a cleanup
 * takes a temporary folder of blobs for a writer whose blobs have no rows yet.
 */
export class FileObjects implements ObjectStore {
  readonly #options: FileObjectsOptions;
  readonly #folders: DurableFolders;
  readonly #made = new Set<string>();
  #temporary: TemporaryFolder | undefined;

  constructor(options: FileObjectsOptions) {
    this.#options = options;
    this.#folders = new DurableFolders(options.root, options.files);
  }

  async put(objects: readonly StoredObject[], signal?: AbortSignal): Promise<void> {
    refuseUnsafeNames(objects.map(({ name }) => name));
    const { root } = this.#options;
    try {
      await inLanes(objects, AT_ONCE, async (object) => {
        signal?.throwIfAborted();
        await this.#putOne(object);
      });
      await this.#sync();
    } catch (error) {
      if (signal?.aborted === true) throw signal.reason;
      throw fileFailure(`Cannot store an object in ${root}`, error, root);
    }
  }

  async get(name: string, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    signal?.throwIfAborted();
    refuseUnsafeNames([name]);
    const { root, files } = this.#options;
    const path = join(root, name);
    try {
      return await readWhole(path, (into) => files.get(path, into));
    } catch (error) {
      if (isMissing(error)) return undefined;
      if (isUnreadable(error)) throw unreadable(path, 'the file system reports a fault of this file', error);
      throw fileFailure(`Cannot read ${path}`, error, root);
    }
  }

  async delete(names: readonly string[]): Promise<void> {
    refuseUnsafeNames(names);
    const { root } = this.#options;
    try {
      await inLanes(names, AT_ONCE, async (name) => {
        const path = join(root, name);
        try {
          await unlink(path);
          this.#folders.touch(dirname(path));
        } catch (error) {
          if (!isMissing(error)) throw error;
        }
      });
      await this.#sync();
    } catch (error) {
      throw fileFailure(`Cannot delete objects in ${root}`, error, root);
    }
  }

  async *list(prefix: string): AsyncIterable<string> {
    const { root } = this.#options;
    try {
      yield* namesBelow(root, prefix.slice(0, prefix.lastIndexOf('/') + 1), prefix);
    } catch (error) {
      throw fileFailure(`Cannot list the objects in ${root}`, error, root);
    }
  }

  /** Removes the temporary files. */
  close(): void {
    const temporary = this.#temporary;
    this.#temporary = undefined;
    try {
      temporary?.remove();
    } catch (error) {
      // All objects are stored, and a later sweep removes the folder.
      if (errnoOf(error) === undefined) throw error;
    }
  }

  async #putOne({ name, bytes }: StoredObject): Promise<void> {
    const { root, files } = this.#options;
    const path = join(root, name);
    const folder = dirname(path);
    if (!this.#made.has(folder)) await this.#makeFolder(folder);
    const temporary = join(this.#temporaryFolder().path, randomUUID());
    try {
      await files.put({ temporary, path, bytes });
      this.#folders.touch(folder);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => {});
      throw error;
    }
  }

  async #makeFolder(folder: string): Promise<void> {
    const { root, fileMode, isDurable } = this.#options;
    const isFirst = this.#made.size === 0;
    await makeFolders(folder, fileMode);
    if (isFirst && isDurable) syncParents(root);
    this.#made.add(folder);
  }

  /** Made when the folder above it is there. */
  #temporaryFolder(): TemporaryFolder {
    const { root, folder, fileMode } = this.#options;
    this.#temporary ??= TemporaryFolder.create(join(root, folder), fileMode);
    return this.#temporary;
  }

  async #sync(): Promise<void> {
    if (this.#options.isDurable) await this.#folders.sync();
  }
}

/** The names of files below `root` that begin with `prefix`, which begins with `folder`. */
function* namesBelow(root: string, folder: string, prefix: string): Generator<string> {
  for (const entry of entriesOf(join(root, folder))) {
    const name = folder + entry.name;
    // Others are not ours: temporary files, folders of blobs.
    if (!isObjectName(name)) continue;
    if (entry.isDirectory()) {
      if (`${name}/`.startsWith(prefix)) yield* namesBelow(root, `${name}/`, prefix);
    } else if (name.startsWith(prefix)) yield name;
  }
}

function entriesOf(path: string): ReturnType<typeof readEntries> {
  try {
    return readEntries(path);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function readEntries(path: string) {
  return readdirSync(path, { withFileTypes: true });
}

function isMissing(error: unknown): boolean {
  return errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR';
}
