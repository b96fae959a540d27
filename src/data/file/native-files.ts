import { type DirectIoMode, DirectIoSwitch } from '../../native/direct-io-switch.ts';
import type { WholeFiles } from '../../native/whole-files.ts';
import type { BlobFiles, BlobFilesOptions, BlobPut } from './blob-files.ts';
import { unreadable } from './unreadable.ts';

/**
 * Blobs as whole files, each in one call. Bypasses the page cache if the file system allows it,
 * which the first large blob decides. A blob is rarely needed twice, and copying it through the
 * cache takes half of the system time of a backup. Without direct I/O it drops what it left there.
 */
export class NativeFiles implements BlobFiles {
  readonly #library: WholeFiles;
  readonly #options: BlobFilesOptions;
  readonly #direct: DirectIoSwitch;

  constructor(library: WholeFiles, { directIo, ...options }: BlobFilesOptions & { directIo: DirectIoMode }) {
    this.#library = library;
    this.#options = options;
    const what = 'The file system of the data backend';
    this.#direct = new DirectIoSwitch(directIo, { what, code: 'dataBackend', section: 'DataBackend' });
  }

  async put(blob: BlobPut): Promise<void> {
    const { wasRefused } = await this.#library.put({ ...blob, ...this.#options, direct: this.#mode });
    if (wasRefused) this.#direct.refused();
  }

  async get(path: string, into: Uint8Array): Promise<number> {
    const outcome = await this.#library.get({ path, into, direct: this.#mode });
    if (typeof outcome === 'string') throw unreadable(path, outcome);
    if (outcome.wasRefused) this.#direct.refused();
    return outcome.size;
  }

  syncFolders(paths: readonly string[]): Promise<void> {
    return this.#library.syncFolders(paths);
  }

  get #mode(): DirectIoMode {
    return this.#direct.isOn ? this.#direct.mode : 'off';
  }
}
