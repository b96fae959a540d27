import { type DirectIoMode, DirectIoSwitch } from '../../native/direct-io-switch.ts';
import type { WholeFiles } from '../../native/whole-files.ts';
import type { BlobFiles, BlobFilesOptions, BlobPut } from './blob-files.ts';
import { unreadable } from './unreadable.ts';

/**
 * After this number of reads in a row from memory, the next are made by the thread that hashes the
 * bytes. With another thread for each, a scrub of blobs in memory took 40 % longer.
 */
const READS_IN_MEMORY = 4;

/** How a {@link NativeFiles} moves blobs. */
interface NativeFilesOptions extends BlobFilesOptions {
  directIo: DirectIoMode;
  /** Reads may block this thread. They do if they wait against expectation. [false] */
  mayBlock?: boolean | undefined;
}

/**
 * Blobs as whole files, each in one call. Bypasses the page cache if the file system allows it,
 * which the first large blob decides. A blob is rarely needed twice, and copying it through the
 * cache takes half of the system time of a backup. Without direct I/O it drops what it left there.
 */
export class NativeFiles implements BlobFiles {
  readonly #library: WholeFiles;
  readonly #options: BlobFilesOptions;
  readonly #direct: DirectIoSwitch;
  readonly #mayBlock: boolean;
  /** Latest reads in a row that did not wait. */
  #inMemory = 0;

  constructor(library: WholeFiles, { directIo, mayBlock = false, ...options }: NativeFilesOptions) {
    this.#library = library;
    this.#options = options;
    this.#mayBlock = mayBlock;
    const what = 'The file system of the data backend';
    this.#direct = new DirectIoSwitch(directIo, { what, code: 'dataBackend', section: 'DataBackend' });
  }

  async put(blob: BlobPut): Promise<void> {
    const { wasRefused } = await this.#library.put({ ...blob, ...this.#options, direct: this.#mode });
    if (wasRefused) this.#direct.refused();
  }

  async get(path: string, into: Uint8Array): Promise<number> {
    const where = this.#mayBlock && this.#inMemory >= READS_IN_MEMORY ? 'here' : 'pool';
    const outcome = await this.#library.get({ path, into, direct: this.#mode, where });
    if (typeof outcome === 'string') throw unreadable(path, outcome);
    if (outcome.wasRefused) this.#direct.refused();
    this.#inMemory = outcome.hasWaited ? 0 : this.#inMemory + 1;
    return outcome.size;
  }

  list(folder: string, prefix: string): Promise<string[]> {
    return this.#library.list(folder, prefix);
  }

  syncFolders(paths: readonly string[]): Promise<void> {
    return this.#library.syncFolders(paths);
  }

  get #mode(): DirectIoMode {
    return this.#direct.isOn ? this.#direct.mode : 'off';
  }
}
