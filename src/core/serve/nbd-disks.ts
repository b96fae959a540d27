import { BackyError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { NbdDisk } from '../../nbd/disk.ts';
import { ExportClients } from './export-clients.ts';
import type { ImageView } from './image-view.ts';
import type { OpenImages } from './open-images.ts';
import { RunningSaves } from './running-saves.ts';

/** How images are opened as disks. */
interface NbdDisksOptions {
  images: OpenImages;
  logger: Logger;
  /**
   * Saves an image when its last client is gone. Rejects when the image is to stay open with its
   * writes.
   */
  onWritten?: ((view: ImageView) => Promise<void>) | undefined;
}

/** Opens versions as disks for NBD clients, counts the clients, and saves their writes. */
export class NbdDisks {
  readonly saves = new RunningSaves();
  readonly #options: NbdDisksOptions;
  readonly #clients = new Map<string, ExportClients>();

  constructor(options: NbdDisksOptions) {
    this.#options = options;
  }

  /** Opens a version for a client. No save of the version MUST be running. */
  async open(uid: string, isReadOnly: boolean): Promise<NbdDisk> {
    const clients = this.#clients.get(uid) ?? new ExportClients();
    // Counted before the image is open, since a save may start at any time.
    clients.add();
    this.#clients.set(uid, clients);
    let view: ImageView;
    try {
      view = await this.#options.images.open(uid);
    } catch (error) {
      this.#remove(uid, clients, true);
      throw error;
    }
    const disk: NbdDisk = {
      read: view.read.bind(view),
      cache: view.cache.bind(view),
      extents: view.extents.bind(view),
      write: refuse,
      writeZeros: refuse,
      trim: refuse,
      // All clients see a finished write, and it ends with the process. There is nothing to sync.
      flush: async () => clients.flushed(),
      close: (isClean) => this.#close(view, clients, isClean),
    };
    return isReadOnly ? disk : { ...disk, ...writeMethods(view, clients) };
  }

  #remove(uid: string, clients: ExportClients, isClean: boolean): void {
    clients.remove(isClean);
    if (clients.count === 0) this.#clients.delete(uid);
  }

  async #close(view: ImageView, clients: ExportClients, isClean: boolean): Promise<void> {
    const { images, onWritten } = this.#options;
    const { uid } = view.version;
    this.#remove(uid, clients, isClean);
    const isWritten = view.overlay !== undefined || clients.isWriting;
    if (clients.count > 0 || !isWritten || onWritten === undefined) return images.release(view);
    await this.saves.run(uid, async () => {
      let written: 'keep' | 'discard' = 'keep';
      try {
        await clients.settle();
        if (this.#maySave(view, clients)) {
          await onWritten(view);
          written = 'discard';
        }
      } finally {
        await images.release(view, written);
      }
    });
  }

  #maySave(view: ImageView, { isClean }: ExportClients): boolean {
    const { logger } = this.#options;
    const { uid } = view.version;
    if (view.overlay === undefined) return false;
    if (view.failure !== undefined) logger.error(`Writes to ${uid} are not saved: a write failed. ${view.failure.message}`);
    else if (!isClean)
      logger.warning(
        `Writes to ${uid} are not saved: a client disconnected before it flushed them. They are kept for the next client, and saved when that one disconnects properly.`,
      );
    return isClean && view.failure === undefined;
  }
}

function writeMethods(view: ImageView, clients: ExportClients): Pick<NbdDisk, 'write' | 'writeZeros' | 'trim'> {
  return {
    write: (offset, bytes, isForced) => clients.track(view.write(offset, bytes), isForced),
    writeZeros: (offset, length, isForced) => clients.track(view.writeZeros(offset, length), isForced),
    trim: (offset, length, isForced) => clients.track(view.trim(offset, length), isForced),
  };
}

/** The server refuses such requests before they reach the disk. */
async function refuse(): Promise<never> {
  throw new BackyError('refused', 'This export can only be read.');
}
