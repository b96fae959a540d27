import { BackyError } from '../../errors.ts';
import { latestCredible, warnOfFuture } from '../../model/clock.ts';
import { toSecondsText } from '../../model/dates.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { NbdDisk, NbdExport, NbdExportEntry, NbdExports } from '../../nbd/disk.ts';
import type { Context } from '../context.ts';
import { validByDate } from '../versions/valid-by-date.ts';
import type { ImageView } from './image-view.ts';
import { NbdDisks } from './nbd-disks.ts';
import type { OpenImages } from './open-images.ts';

const MIN_PREFERRED_BYTES = 4096;
/** The longest request that the protocol lets a server prefer. */
const MAX_PREFERRED_BYTES = 32 * 1024 * 1024;

/** How versions are exported. */
interface VersionExportsOptions {
  context: Context;
  images: OpenImages;
  /** Export only this version: a uid, or a name for its newest valid version. */
  only?: string | undefined;
  readOnly: boolean;
  /**
   * Saves an image when its last client is gone. Rejects when the image is to stay open with its
   * writes.
   */
  onWritten?: ((view: ImageView) => Promise<void>) | undefined;
  /** Why a version can't be written to; undefined when it can. */
  whyReadOnly(version: TaggedVersion): string | undefined;
}

/**
 * Versions as NBD exports: each by its uid, and the newest valid version of each image by its name.
 */
export class VersionExports implements NbdExports {
  readonly #options: VersionExportsOptions;
  readonly #disks: NbdDisks;
  readonly #warnedUids = new Set<string>();

  constructor(options: VersionExportsOptions) {
    const { images, context, onWritten } = options;
    this.#options = options;
    this.#disks = new NbdDisks({ images, logger: context.logger, onWritten });
  }

  async list(): Promise<NbdExportEntry[]> {
    const { only, context } = this.#options;
    if (only !== undefined) {
      const version = await this.#version(only);
      return version === undefined ? [] : [{ name: only, description: describe(version) }];
    }
    const versions = await context.meta.listVersions({});
    const newest = new Map(validByDate(versions, context.now()).map((version) => [version.name, version]));
    return [
      ...[...newest].filter(([name]) => name !== '').map(([name, version]) => ({ name, description: describe(version) })),
      ...versions.map((version) => ({ name: version.uid, description: describe(version) })),
    ];
  }

  async find(name: string): Promise<NbdExport | undefined> {
    const { only, readOnly, whyReadOnly, context } = this.#options;
    if (only !== undefined && name !== '' && name !== only) return undefined;
    const version = await this.#version(name);
    if (version === undefined) return undefined;
    const isReadOnly = readOnly || whyReadOnly(version) !== undefined;
    return {
      sizeBytes: version.sizeBytes,
      isReadOnly,
      description: describe(version),
      preferredBytes: preferredBytes(context.settings.blockSize),
      open: () => this.#open(name, version, isReadOnly),
    };
  }

  /**
   * Finds a version by its uid, else the newest valid one with this name. Without a name, the only
   * one that is exported.
   */
  async #version(given: string): Promise<TaggedVersion | undefined> {
    const name = this.#named(given);
    if (name === '') return undefined;
    const { meta, now } = this.#options.context;
    return (await meta.findVersion(name)) ?? meta.findNewest(name, latestCredible(now()));
  }

  /** The default export has the name of the only one. */
  #named(given: string): string {
    return given === '' ? (this.#options.only ?? '') : given;
  }

  /** Warns of versions with this name that are dated in the future, once per version. */
  async #warnOfFuture(name: string): Promise<void> {
    const { context } = this.#options;
    const later = await context.meta.listVersions({ name, datedAfter: latestCredible(context.now()) });
    const ahead = later.filter(({ uid }) => !this.#warnedUids.has(uid));
    for (const { uid } of ahead) this.#warnedUids.add(uid);
    warnOfFuture(context, ahead);
  }

  async #open(name: string, found: TaggedVersion, isReadOnly: boolean): Promise<NbdDisk> {
    const { context, readOnly, whyReadOnly } = this.#options;
    if (this.#named(name) !== found.uid) await this.#warnOfFuture(found.name);
    const version = await this.#afterSave(name, found);
    const why = readOnly ? undefined : whyReadOnly(version);
    if (why !== undefined) context.logger.warning(`Version ${version.uid} can only be read: ${why}.`);
    return this.#disks.open(version.uid, isReadOnly);
  }

  /**
   * Waits while the version is being saved, and returns the version to open. A name then stands for
   * the saved version. The caller MUST NOT wait before it opens the disk: another save could start.
   */
  async #afterSave(name: string, found: TaggedVersion): Promise<TaggedVersion> {
    const { saves } = this.#disks;
    let version = found;
    while (saves.isRunning(version.uid)) {
      await saves.wait(version.uid);
      const next = await this.#version(name);
      if (next === undefined || next.sizeBytes !== found.sizeBytes)
        throw new BackyError('refused', `What ${name} stands for has changed meanwhile. Connect again.`);
      version = next;
    }
    return version;
  }
}

function describe({ name, snapshotName, date, valid }: TaggedVersion): string {
  const snapshot = snapshotName === '' ? '' : `, snapshot ${snapshotName}`;
  return `${name}${snapshot}, ${toSecondsText(date)}${valid ? '' : ', invalid'}`;
}

/** Whole blocks, if the protocol allows that length. */
function preferredBytes(blockSize: number): number {
  const isPowerOfTwo = Number.isInteger(Math.log2(blockSize));
  const isAllowed = isPowerOfTwo && blockSize >= MIN_PREFERRED_BYTES && blockSize <= MAX_PREFERRED_BYTES;
  return isAllowed ? blockSize : MIN_PREFERRED_BYTES;
}
