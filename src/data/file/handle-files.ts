import { constants, readdirSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf } from '../../errors.ts';
import { isShared } from '../../native/create-file.ts';
import { dropPageCache } from '../../native/file-calls.ts';
import { makeFolders } from '../../native/make-folders.ts';
import type { BlobFiles, BlobFilesOptions, BlobPut } from './blob-files.ts';
import type { DurableCalls } from './durable-calls.ts';
import { subfolders } from './subfolders.ts';
import { unreadable } from './unreadable.ts';

/**
 * Without O_NONBLOCK, opening a pipe under a blob's name would wait until a process writes to it.
 */
const READ_BLOB = constants.O_RDONLY | constants.O_NONBLOCK;

/**
 * Blobs as files, by Node's own calls: for installations without a C compiler. Reads and writes
 * through the page cache, and drops what it left there.
 */
export class HandleFiles implements BlobFiles {
  readonly #options: BlobFilesOptions;
  readonly #calls: DurableCalls;

  constructor(options: BlobFilesOptions, calls: DurableCalls) {
    this.#options = options;
    this.#calls = calls;
  }

  async put({ temporary, path, bytes }: BlobPut): Promise<void> {
    await this.#writeWhole(temporary, bytes);
    try {
      await this.#calls.rename(temporary, path);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
      await makeFolders(dirname(path), this.#options.fileMode);
      await this.#calls.rename(temporary, path);
    }
  }

  async get(path: string, into: Uint8Array): Promise<number> {
    const handle = await open(path, READ_BLOB);
    try {
      const stats = await handle.stat();
      if (!stats.isFile()) throw unreadable(path, 'it is no regular file');
      await readFully(handle, into.subarray(0, stats.size), path);
      dropPageCache(handle.fd, 0, 0);
      return stats.size;
    } finally {
      await handle.close();
    }
  }

  async list(folder: string, prefix: string): Promise<string[]> {
    return subfolders(folder, prefix).flatMap((name) => readdirSync(join(folder, name)).map((file) => `${name}/${file}`));
  }

  /** One after the other: the first fsync does most of the work, and few files are open. */
  async syncFolders(paths: readonly string[]): Promise<void> {
    for (const path of paths) await this.#syncFolder(path);
  }

  async #syncFolder(path: string): Promise<void> {
    let handle: FileHandle | undefined;
    try {
      handle = await this.#calls.open(path, 'r');
      await handle.sync();
    } finally {
      await handle?.close();
    }
  }

  async #writeWhole(path: string, bytes: Uint8Array): Promise<void> {
    const { fileMode, isDurable } = this.#options;
    const handle = await this.#calls.open(path, 'wx', fileMode);
    try {
      if (isShared(fileMode)) await handle.chmod(fileMode);
      await handle.writeFile(bytes);
      if (isDurable) {
        await handle.sync();
        dropPageCache(handle.fd, 0, 0);
      }
    } finally {
      await handle.close();
    }
  }
}

async function readFully(handle: FileHandle, into: Uint8Array, path: string): Promise<void> {
  for (let done = 0; done < into.length; ) {
    const { bytesRead } = await handle.read(into, done, into.length - done, done);
    if (bytesRead === 0) throw unreadable(path, 'it became shorter while it was read');
    done += bytesRead;
  }
}
