import { existsSync, readdirSync } from 'node:fs';
import { rm, stat, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { BackyError, errnoOf, messageOf } from '../../errors.ts';
import { OWNER_ONLY } from '../../native/create-file.ts';
import { makeFolders, syncParents } from '../../native/make-folders.ts';
import { isBlobUid, refuseUnreadableUid } from '../blob-uid.ts';
import type { BlobProbe, BlobRef, DataBackend, DeleteOutcome } from '../data-backend.ts';
import { inOrder } from '../lanes.ts';
import type { FileBackendOptions } from '../options.ts';
import type { BlobFiles } from './blob-files.ts';
import { blobFolder, blobPath, OBJECT_FOLDER, TEMPORARY_FOLDER, uidOfFile } from './blob-paths.ts';
import { DurableFolders } from './durable-folders.ts';
import { fileFailure, isUnreadable } from './failures.ts';
import { FileObjects } from './file-objects.ts';
import { openBlobFiles } from './open-blob-files.ts';
import { readStoreFile, writeStoreFile } from './store-file.ts';
import { subfolders } from './subfolders.ts';
import { sweepTemporaryFolders, TemporaryFolder } from './temporary-folder.ts';
import { unreadable } from './unreadable.ts';
import { lockOutWriters, shareFolder } from './writer-lock.ts';

/** Folders that are listed at once: the names of all their files are in memory. */
const FOLDERS_AT_ONCE = 4;

/**
 * Blobs as files (docs/spec/formats.md §4): written under a temporary name, fsynced, renamed.
 * `flush` fsyncs folders.
 */
export class FileBackend implements DataBackend {
  readonly objects: FileObjects;
  readonly #root: string;
  readonly #durable: boolean;
  readonly #fileMode: number;
  readonly #files: BlobFiles;
  readonly #folders: DurableFolders;
  #temporary: Promise<TemporaryFolder> | undefined;
  /** Release locks on the data folder. */
  readonly #unlock: (() => void)[] = [];

  constructor(options: FileBackendOptions, files = openBlobFiles(options)) {
    this.#root = resolve(options.path);
    this.#durable = options.durable;
    this.#fileMode = options.fileMode ?? OWNER_ONLY;
    this.#files = files;
    this.#folders = new DurableFolders(this.#root, files);
    const { durable: isDurable } = options;
    this.objects = new FileObjects({ root: this.#root, folder: OBJECT_FOLDER, isDurable, fileMode: this.#fileMode, files });
  }

  /** A missing folder has none: it is made with the id, or by the first put. */
  async storeIds(): Promise<readonly string[]> {
    try {
      return readStoreFile(this.#root);
    } catch (error) {
      throw fileFailure(`Cannot read the store's id in ${this.#root}`, error, this.#root);
    }
  }

  async createStoreId(id: string): Promise<readonly string[]> {
    try {
      const { path: folder } = await this.#temporaryFolder();
      writeStoreFile({ root: this.#root, folder, id, durable: this.#durable, fileMode: this.#fileMode });
      return readStoreFile(this.#root);
    } catch (error) {
      throw fileFailure(`Cannot write the store's id in ${this.#root}`, error, this.#root);
    }
  }

  async put(uid: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const path = blobPath(this.#root, uid);
    let temporary: string | undefined;
    try {
      temporary = join((await this.#temporaryFolder()).path, uid);
      await this.#files.put({ temporary, path, bytes });
      this.#folders.touch(dirname(path));
    } catch (error) {
      if (temporary !== undefined) await rm(temporary, { force: true }).catch(() => {});
      throw fileFailure(`Cannot store blob ${uid} in ${this.#root}`, error, this.#root);
    }
  }

  async flush(): Promise<void> {
    if (!this.#durable) return;
    try {
      await this.#folders.sync();
    } catch (error) {
      throw fileFailure(`Cannot make blobs in ${this.#root} durable`, error, this.#root);
    }
  }

  async get(blob: BlobRef, into: Uint8Array, signal: AbortSignal): Promise<number | undefined> {
    signal.throwIfAborted();
    refuseUnreadableUid(blob.uid);
    const path = blobPath(this.#root, blob.uid);
    try {
      return await this.#files.get(path, into);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') {
        refuseEmptyRoot(this.#root);
        return undefined;
      }
      if (isUnreadable(error)) throw unreadable(path, messageOf(error), error);
      throw fileFailure(`Cannot read blob ${path}`, error, this.#root);
    }
  }

  async probe(uid: string): Promise<BlobProbe> {
    const probe = await this.find(uid);
    if (probe.state === 'missing' && isBlobUid(uid)) refuseEmptyRoot(this.#root);
    return probe;
  }

  async find(uid: string): Promise<BlobProbe> {
    if (!isBlobUid(uid)) return { state: 'missing' };
    try {
      const stats = await stat(blobPath(this.#root, uid));
      // Anything but a file has no length that a blob can have.
      return { state: 'present', storedBytes: stats.isFile() ? stats.size : 0 };
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return { state: 'missing' };
      throw fileFailure(`Cannot look at blob ${uid} in ${this.#root}`, error, this.#root);
    }
  }

  async delete(uids: readonly string[]): Promise<DeleteOutcome> {
    const outcome: DeleteOutcome = { deleted: [], failed: [] };
    await Promise.all(
      uids.map(async (uid) => {
        // No other text names a blob, so nothing is left.
        if (!isBlobUid(uid)) {
          outcome.deleted.push(uid);
          return;
        }
        try {
          await unlink(blobPath(this.#root, uid));
          this.#folders.touch(blobFolder(this.#root, uid));
          outcome.deleted.push(uid);
        } catch (error) {
          if (errnoOf(error) === 'ENOENT') {
            refuseEmptyRoot(this.#root);
            outcome.deleted.push(uid);
          } else outcome.failed.push({ uid, reason: messageOf(error) });
        }
      }),
    );
    await this.flush();
    return outcome;
  }

  async *list(prefix: string): AsyncIterable<string> {
    try {
      const firsts = subfolders(this.#root, prefix.slice(0, 2));
      const listed = inOrder(firsts, FOLDERS_AT_ONCE, async (first) => {
        const files = await this.#files.list(join(this.#root, first), prefix.slice(2, 4));
        return { first, files };
      });
      for await (const { first, files } of listed) {
        for (const file of files) {
          const [second = '', name = ''] = [file.slice(0, 2), file.slice(3)];
          const uid = uidOfFile(first, second, name);
          if (uid?.startsWith(prefix)) yield uid;
        }
      }
    } catch (error) {
      throw fileFailure(`Cannot list the blobs in ${this.#root}`, error, this.#root);
    }
  }

  async sweepLeftovers(): Promise<number> {
    try {
      return sweepTemporaryFolders(this.#root) + sweepTemporaryFolders(join(this.#root, OBJECT_FOLDER));
    } catch (error) {
      throw fileFailure(`Cannot sweep temporary blobs in ${this.#root}`, error, this.#root);
    }
  }

  async lockOutWriters(): Promise<void> {
    try {
      this.#unlock.push(await lockOutWriters(this.#root));
    } catch (error) {
      throw fileFailure(`Cannot lock ${this.#root}`, error, this.#root);
    }
  }

  async close(): Promise<void> {
    const temporary = await this.#temporary?.catch(() => undefined);
    this.#temporary = undefined;
    try {
      temporary?.remove();
      this.objects.close();
    } finally {
      for (const unlock of this.#unlock.splice(0)) unlock();
    }
  }

  /** One folder for all puts; after a failure, the next put tries again. */
  #temporaryFolder(): Promise<TemporaryFolder> {
    this.#temporary ??= this.#startWriting().catch((error: unknown) => {
      this.#temporary = undefined;
      throw error;
    });
    return this.#temporary;
  }

  async #startWriting(): Promise<TemporaryFolder> {
    if (!existsSync(this.#root)) {
      await makeFolders(this.#root, this.#fileMode);
      if (this.#durable) syncParents(this.#root);
    }
    const unlock = await shareFolder(this.#root);
    try {
      const temporary = TemporaryFolder.create(this.#root, this.#fileMode);
      this.#unlock.push(unlock);
      return temporary;
    } catch (error) {
      unlock();
      throw error;
    }
  }
}

/**
 * Refuses an empty folder if a blob is missing: its file system is not mounted. Otherwise one
 * restore or scrub would mark every version invalid, and a cleanup would forget what it has to
 * delete.
 */
function refuseEmptyRoot(root: string): void {
  if (existsSync(root) && readdirSync(root).some((name) => name !== TEMPORARY_FOLDER)) return;
  throw new BackyError('dataBackend', `The data backend ${root} is empty, but the database names blobs in it.`, {
    hint: 'Is its file system mounted? Check the path in section DataBackend.',
  });
}
