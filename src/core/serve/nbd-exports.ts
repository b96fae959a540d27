import { BackyError } from '../../errors.ts';
import { isFromFuture, warnOfFuture } from '../../model/clock.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { NbdDisk, NbdExport, NbdExports } from '../../nbd/disk.ts';
import type { Context } from '../context.ts';
import type { ImageView } from './image-view.ts';
import type { OpenImages } from './open-images.ts';
import { RunningSaves } from './running-saves.ts';

const MIB = 1024 * 1024;

/** Who has an image open. */
interface Clients {
  count: number;
  /** Whether all who went said so, or had flushed what they wrote: not every client says goodbye (nbdfuse does not). */
  isClean: boolean;
  /** Whether something was written that nobody has flushed. */
  isUnflushed: boolean;
  /** Writes that have not ended. Those of a client that vanished go on without it. */
  writes: Set<Promise<void>>;
}

/** How versions are offered. */
export interface NbdExportsOptions {
  context: Context;
  images: OpenImages;
  /** Offer this one alone: a uid, or a name, for its newest valid version. */
  only?: string | undefined;
  readOnly: boolean;
  /** What to do once the last client of an image that was written to has said goodbye. Rejects when the image is to stay as it is. */
  onWritten?: ((view: ImageView) => Promise<void>) | undefined;
  /** Why a version can't be written to; undefined: it can. */
  whyReadOnly(version: TaggedVersion): string | undefined;
}

/** Versions as NBD exports, by uid and, for the newest valid version of each image, by name. */
export class VersionExports implements NbdExports {
  readonly #options: NbdExportsOptions;
  readonly #clients = new Map<string, Clients>();
  readonly #saves = new RunningSaves();
  readonly #warnedOf = new Set<string>();

  constructor(options: NbdExportsOptions) {
    this.#options = options;
  }

  async list(): Promise<{ name: string; description: string }[]> {
    const { only, context } = this.#options;
    if (only !== undefined) {
      const version = await this.#version(only);
      return version === undefined ? [] : [{ name: only, description: describe(version) }];
    }
    const versions = await context.meta.listVersions({});
    const newest = new Map(inTheirOrder(versions, context.now()).map((version) => [version.name, version]));
    return [
      ...[...newest].filter(([name]) => name !== '').map(([name, version]) => ({ name, description: describe(version) })),
      ...versions.map((version) => ({ name: version.uid, description: describe(version) })),
    ];
  }

  async find(name: string): Promise<NbdExport | undefined> {
    const { only, readOnly, whyReadOnly } = this.#options;
    if (only !== undefined && name !== '' && name !== only) return undefined;
    const version = await this.#version(name);
    if (version === undefined) return undefined;
    const isReadOnly = readOnly || whyReadOnly(version) !== undefined;
    return {
      sizeBytes: version.sizeBytes,
      isReadOnly,
      description: describe(version),
      preferredBytes: preferredBytes(this.#options.context.settings.blockSize),
      open: () => this.#open(name, version, isReadOnly),
    };
  }

  /**
   * The version of that uid, or else the newest valid one of that name; without a name, of the one
   * that is offered alone.
   */
  async #version(given: string): Promise<TaggedVersion | undefined> {
    const name = given === '' ? (this.#options.only ?? '') : given;
    if (name === '') return undefined;
    const { meta, now } = this.#options.context;
    const byUid = await meta.findVersion(name);
    if (byUid !== undefined) return byUid;
    const versions = await meta.listVersions({ name });
    this.#warn(versions);
    return inTheirOrder(versions, now()).at(-1);
  }

  /** Once for each version. */
  #warn(versions: readonly TaggedVersion[]): void {
    const { context } = this.#options;
    const ahead = versions.filter(({ uid, date }) => isFromFuture(date, context.now()) && !this.#warnedOf.has(uid));
    for (const { uid } of ahead) this.#warnedOf.add(uid);
    warnOfFuture(context, ahead);
  }

  async #open(name: string, found: TaggedVersion, isReadOnly: boolean): Promise<NbdDisk> {
    const { images, context, whyReadOnly } = this.#options;
    const version = await this.#unsaved(name, found);
    const why = this.#options.readOnly ? undefined : whyReadOnly(version);
    if (why !== undefined) context.logger.warning(`Version ${version.uid} can only be read: ${why}.`);
    const clients = this.#clients.get(version.uid) ?? { count: 0, isClean: true, isUnflushed: false, writes: new Set() };
    // Counted before it is open: a save may begin at any moment else.
    clients.count++;
    this.#clients.set(version.uid, clients);
    let view: ImageView;
    try {
      view = await images.open(version.uid);
    } catch (error) {
      this.#leave(version.uid, clients);
      throw error;
    }
    const disk: NbdDisk = {
      read: view.read.bind(view),
      cache: view.cache.bind(view),
      extents: view.extents.bind(view),
      write: refuse,
      writeZeros: refuse,
      trim: refuse,
      // What is written is there for all once it is written, and gone with the process: there is nothing to be synced.
      flush: async () => {
        clients.isUnflushed = false;
      },
      close: (isClean) => this.#close(view, clients, isClean),
    };
    return isReadOnly ? disk : { ...disk, ...writing(view, clients) };
  }

  /**
   * Waits for the save of a version. The newest of its name is what was saved then. @returns what
   * to open; nothing may wait before it is counted.
   */
  async #unsaved(name: string, found: TaggedVersion): Promise<TaggedVersion> {
    let version = found;
    while (this.#saves.isRunning(version.uid)) {
      await this.#saves.wait(version.uid);
      const next = await this.#version(name);
      if (next === undefined || next.sizeBytes !== found.sizeBytes)
        throw new BackyError('refused', `What ${name} stands for has changed meanwhile. Connect again.`);
      version = next;
    }
    return version;
  }

  #leave(uid: string, clients: Clients): void {
    if (--clients.count === 0) this.#clients.delete(uid);
  }

  async #close(view: ImageView, clients: Clients, isClean: boolean): Promise<void> {
    const { images, onWritten } = this.#options;
    const { uid } = view.version;
    clients.isClean &&= isClean || !clients.isUnflushed;
    this.#leave(uid, clients);
    const isWritten = view.overlay !== undefined || clients.writes.size > 0;
    if (clients.count > 0 || !isWritten || onWritten === undefined) return images.release(view);
    await this.#saves.run(uid, async () => {
      let written: 'keep' | 'discard' = 'keep';
      try {
        await Promise.allSettled(clients.writes);
        if (this.#maySave(view, clients)) {
          await onWritten(view);
          written = 'discard';
        }
      } finally {
        await images.release(view, written);
      }
    });
  }

  #maySave(view: ImageView, { isClean }: Clients): boolean {
    const { logger } = this.#options.context;
    const { uid } = view.version;
    if (view.overlay === undefined) return false;
    if (view.failure !== undefined)
      logger.error(`What was written to ${uid} is not saved: a write failed. ${view.failure.message}`);
    else if (!isClean)
      logger.warning(
        `What was written to ${uid} is not saved: a client vanished before it had flushed all of it. It is still there for the next one, and saved when that one ends as it should.`,
      );
    return isClean && view.failure === undefined;
  }
}

/**
 * The valid ones of versions in the order of their dates: first those from the future, of which
 * nobody knows when they were made.
 */
function inTheirOrder(versions: readonly TaggedVersion[], now: Date): TaggedVersion[] {
  const valid = versions.filter((version) => version.valid);
  const isAhead = ({ date }: TaggedVersion) => isFromFuture(date, now);
  return [...valid.filter(isAhead), ...valid.filter((version) => !isAhead(version))];
}

/** Writes, and what of them is not flushed yet. */
function writing(view: ImageView, clients: Clients): Pick<NbdDisk, 'write' | 'writeZeros' | 'trim'> {
  const noting = async (isForced: boolean, write: Promise<void>) => {
    if (!isForced) clients.isUnflushed = true;
    clients.writes.add(write);
    await write.finally(() => clients.writes.delete(write));
    // A flush in between was none of this one.
    if (!isForced) clients.isUnflushed = true;
  };
  return {
    write: (offset, bytes, isForced) => noting(isForced, view.write(offset, bytes)),
    writeZeros: (offset, length, isForced) => noting(isForced, view.writeZeros(offset, length)),
    trim: (offset, length, isForced) => noting(isForced, view.trim(offset, length)),
  };
}

/** The server has refused such requests before they come here. */
async function refuse(): Promise<never> {
  throw new BackyError('refused', 'This export can only be read.');
}

function describe({ name, snapshotName, date, valid }: TaggedVersion): string {
  const snapshot = snapshotName === '' ? '' : `, snapshot ${snapshotName}`;
  return `${name}${snapshot}, ${date.toISOString().slice(0, 19).replace('T', ' ')}${valid ? '' : ', invalid'}`;
}

/** Whole blocks, where that is a length that the protocol can name. */
function preferredBytes(blockSize: number): number {
  const isPowerOfTwo = Number.isInteger(Math.log2(blockSize));
  return isPowerOfTwo && blockSize >= 4096 && blockSize <= 32 * MIB ? blockSize : 4096;
}
