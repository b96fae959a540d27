import type { Catalogue } from '../../data/catalogue/catalogue.ts';
import type { DataBackend } from '../../data/data-backend.ts';
import { BackyError } from '../../errors.ts';
import type { Bitmap } from '../../model/bitmap.ts';
import type { Block } from '../../model/block.ts';
import type { BackupCounters } from '../../model/counters.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { Context } from '../context.ts';
import { confirmStore } from '../store/check-store.ts';
import { withStorage } from '../store/storage.ts';
import { keepsCatalogue } from './flush.ts';
import { LeafSet } from './leaf-set.ts';
import { NewLeaves } from './new-leaves.ts';
import { catalogueOf, prepareKey, warnOfRecoveryKey } from './with-catalogue.ts';
import { writeManifest } from './write-manifest.ts';

/** A version that is being made. */
interface NewVersion {
  version: TaggedVersion;
  /** The version that all blocks are taken from which are not written. Undefined: there is none. */
  base?: TaggedVersion | undefined;
}

/** The manifest of a version that is being made: written once it has all its blocks. */
export class BackupManifest {
  readonly #context: Context;
  readonly #version: TaggedVersion;
  readonly #base: TaggedVersion | undefined;
  readonly #written = new LeafSet();
  readonly #leaves: NewLeaves;

  private constructor(context: Context, { version, base }: NewVersion) {
    this.#context = context;
    this.#version = version;
    this.#base = base;
    this.#leaves = new NewLeaves(context, version);
  }

  /**
   * Begins to track the version, before it gets its first block. Undefined: this installation has
   * no catalogue.
   */
  static async begin(context: Context, made: NewVersion): Promise<BackupManifest | undefined> {
    if (!keepsCatalogue(context)) return undefined;
    await context.meta.trackVersions([made.version.uid]);
    return new BackupManifest(context, made);
  }

  /** Notes blocks that do not come from the base. */
  willWrite(ids: Bitmap): void {
    this.#written.addBlocks(ids.ranges());
  }

  /** Takes blocks whose rows are committed. The rows of others are read for the manifest. */
  add(blocks: Iterable<Block>): Promise<void> {
    return this.#leaves.add(blocks);
  }

  /** Ends it, after a failure too. MUST be called before the locks of the version are released. */
  close(): Promise<void> {
    return this.#leaves.close();
  }

  /**
   * Writes the manifest as the version will be once it is valid, which it MUST NOT be before. If
   * this host lacks the key that seals it, or the right to read that, a later command writes it.
   * @throws BackyError `dataBackend`.
   */
  async write(counters: BackupCounters | undefined, ended: Date): Promise<void> {
    const { uid: versionUid, name, size, sizeBytes } = this.#version;
    const stats = counters && { date: ended, versionUid, name, size, sizeBytes, counters };
    const ending = { stats, base: this.#base, written: this.#written, known: await this.#leaves.end() };
    await withStorage(this.#context, async (backend) => {
      // A data backend that does not answer fails here.
      await confirmStore(this.#context, backend);
      const catalogue = await this.#open(backend);
      if (catalogue === undefined) return;
      try {
        await writeManifest(this.#context, catalogue, { version: this.#version, ending });
      } catch (error) {
        if (!(error instanceof BackyError && error.code === 'encryption')) throw error;
        this.#postpone(error);
      }
      warnOfRecoveryKey(this.#context, catalogue);
    });
  }

  async #open(backend: DataBackend): Promise<Catalogue | undefined> {
    try {
      const catalogue = await catalogueOf(this.#context, backend);
      await prepareKey(this.#context, catalogue);
      return catalogue;
    } catch (error) {
      if (!(error instanceof BackyError)) throw error;
      this.#postpone(error);
      return undefined;
    }
  }

  /** The database knows that the manifest is missing. */
  #postpone({ message }: BackyError): void {
    this.#context.logger.debug(`The manifest of version ${this.#version.uid} is not written yet: ${message}`);
  }
}
