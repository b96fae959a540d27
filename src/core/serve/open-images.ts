import { BackyError } from '../../errors.ts';
import type { Lock } from '../../locking/lock.ts';
import type { MetaStore } from '../../meta/meta-store.ts';
import { blockSizeOf } from '../blocks/block-size.ts';
import { proveKeyForReading } from '../blocks/encryption-key.ts';
import type { Context } from '../context.ts';
import { checkStore } from '../store/check-store.ts';
import { lockForOperation } from '../versions/locks.ts';
import { lockFoundVersion } from '../versions/with-version.ts';
import { BadBlockMarker } from './bad-block-marker.ts';
import { BlockReader } from './block-reader.ts';
import { ImageView } from './image-view.ts';

/** Keys reserved for one image: more than any image has blocks. */
const KEYS_PER_IMAGE = 2 ** 32;

/** An open image, and the parts that are closed with it. */
interface OpenImage {
  view: ImageView;
  reader: BlockReader;
  firstKey: number;
  lock: Lock;
  marker: BadBlockMarker;
}

/** An image that is open or being opened, and the number of its users. */
interface Entry {
  users: number;
  opening: Promise<OpenImage>;
}

/**
 * Versions that are open as images. Each is opened once, however many users it has. Images of the
 * same block size share workers and cache.
 */
export class OpenImages {
  readonly #context: Context;
  readonly #onFailure: (error: unknown) => void;
  readonly #operation: Lock;
  readonly #readers = new Map<number, BlockReader>();
  readonly #entries = new Map<string, Entry>();
  #opened = 0;

  /** @param onFailure called when nothing can be read any more. */
  static async create(context: Context, onFailure: (error: unknown) => void): Promise<OpenImages> {
    const operation = await lockForOperation(context.locks);
    try {
      await checkStore(context);
      return new OpenImages(context, onFailure, operation);
    } catch (error) {
      await operation.release();
      throw error;
    }
  }

  private constructor(context: Context, onFailure: (error: unknown) => void, operation: Lock) {
    this.#context = context;
    this.#onFailure = onFailure;
    this.#operation = operation;
  }

  /**
   * Opens a version or shares the open one. It can't be removed until it is released. The caller
   * MUST release it.
   */
  async open(uid: string): Promise<ImageView> {
    let entry = this.#entries.get(uid);
    if (entry === undefined) {
      entry = { users: 0, opening: this.#open(uid) };
      this.#entries.set(uid, entry);
    }
    entry.users++;
    try {
      return (await entry.opening).view;
    } catch (error) {
      if (this.#entries.get(uid) === entry) this.#entries.delete(uid);
      throw error;
    }
  }

  /**
   * Ends one use. The last one closes the image, but an image that was written to stays open unless
   * `discard` is given.
   */
  async release(view: ImageView, written: 'keep' | 'discard' = 'keep'): Promise<void> {
    const entry = this.#entries.get(view.version.uid);
    if (entry === undefined) return;
    entry.users--;
    if (entry.users === 0 && (written === 'discard' || view.overlay === undefined)) await this.#close(view.version.uid, entry);
  }

  /** Lists the images that were written to. */
  async written(): Promise<ImageView[]> {
    const views: ImageView[] = [];
    for (const { opening } of this.#entries.values()) {
      const image = await opening.catch(() => undefined);
      if (image?.view.overlay !== undefined) views.push(image.view);
    }
    return views;
  }

  /** Closes all images and discards all writes. */
  async close(): Promise<void> {
    for (const reader of this.#readers.values()) await reader.close();
    for (const [uid, entry] of [...this.#entries]) await this.#close(uid, entry).catch(() => {});
    await this.#operation.release();
  }

  async #open(uid: string): Promise<OpenImage> {
    const { meta, settings } = this.#context;
    const { version, lock } = await lockFoundVersion(this.#context, uid, 'shared');
    try {
      await refuseAltered(meta, uid);
      const blockSize = await blockSizeOf(meta, version, settings.blockSize);
      await proveKeyForReading(this.#context, version);
      const reader = this.#reader(blockSize);
      const firstKey = this.#opened++ * KEYS_PER_IMAGE;
      const marker = new BadBlockMarker(this.#context, version);
      const record: BadBlockMarker['mark'] = (finding, row) => marker.mark(finding, row);
      const view = new ImageView({ context: this.#context, version, blockSize, reader, firstKey, record });
      return { view, reader, firstKey, lock, marker };
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  #reader(blockSize: number): BlockReader {
    let reader = this.#readers.get(blockSize);
    if (reader === undefined) {
      reader = new BlockReader(this.#context, { blockSize, onFailure: this.#onFailure });
      this.#readers.set(blockSize, reader);
    }
    return reader;
  }

  /** Later calls of `open` open the version again. */
  async #close(uid: string, entry: Entry): Promise<void> {
    this.#entries.delete(uid);
    const image = await entry.opening;
    await image.marker.settle();
    image.view.close();
    image.reader.cache.dropRange(image.firstKey, image.firstKey + KEYS_PER_IMAGE);
    await image.lock.release();
  }
}

/** Each block looks right, but may be one of another version. */
async function refuseAltered(meta: MetaStore, uid: string): Promise<void> {
  const [damage] = await meta.checkVersion(uid);
  if (damage === undefined) return;
  throw new BackyError('database', `Version ${uid} is damaged in the database: ${damage.detail}.`, {
    data: { uid },
    hint: `To save the rest of it: backy2 restore ${uid} TARGET`,
  });
}
