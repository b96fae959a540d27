import type { Finding } from '../../engine/shared/messages.ts';
import { messageOf } from '../../errors.ts';
import type { Lock } from '../../locking/lock.ts';
import type { BlockRow } from '../../model/block.ts';
import type { TaggedVersion } from '../../model/version.ts';
import { BadBlockRecorder } from '../blocks/bad-blocks.ts';
import { blockSizeOf } from '../blocks/block-size.ts';
import { proveKeyForReading } from '../blocks/encryption-key.ts';
import type { Context } from '../context.ts';
import { checkStore } from '../store/check-store.ts';
import { DamageGuard } from '../store/damage-guard.ts';
import { lockForOperation } from '../versions/locks.ts';
import { lockFoundVersion } from '../versions/with-version.ts';
import { BlockReader } from './block-reader.ts';
import { ImageView } from './image-view.ts';
import type { Verdict } from './known-bad-blocks.ts';
import { MassDamageCheck } from './mass-damage-check.ts';

/** Keys of one image: more than blocks that any has. */
const KEYS_OF_AN_IMAGE = 2 ** 32;

/** An image that is open, with all that goes when the last who uses it has gone. */
interface OpenImage {
  view: ImageView;
  reader: BlockReader;
  firstKey: number;
  lock: Lock;
  /** Marks that are being written to the database. */
  marking: Promise<void>;
}

/** An image and those who use it, from the moment on when it begins to open. */
interface Entry {
  users: number;
  opening: Promise<OpenImage>;
}

/** Versions that are open as images, each once however many use it, over one set of workers and one cache. */
export class OpenImages {
  readonly #context: Context;
  readonly #onFailure: (error: unknown) => void;
  readonly #operation: Lock;
  readonly #readers = new Map<number, BlockReader>();
  readonly #entries = new Map<string, Entry>();
  #opened = 0;

  /** `onFailure`: told when nothing can be read any more. */
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

  /** Opens a version, or joins those who have it open; MUST be released. It can't be removed meanwhile. */
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

  /** Gives an image back. With the last user it is closed; one that was written to stays open, unless it is to be thrown away. */
  async release(view: ImageView, written: 'keep' | 'discard' = 'keep'): Promise<void> {
    const entry = this.#entries.get(view.version.uid);
    if (entry === undefined) return;
    entry.users--;
    if (entry.users === 0 && (written === 'discard' || view.overlay === undefined)) await this.#close(view.version.uid, entry);
  }

  /** The images that were written to. */
  async written(): Promise<ImageView[]> {
    const views: ImageView[] = [];
    for (const { opening } of this.#entries.values()) {
      const image = await opening.catch(() => undefined);
      if (image?.view.overlay !== undefined) views.push(image.view);
    }
    return views;
  }

  /** Closes everything. What was written is gone. */
  async close(): Promise<void> {
    for (const reader of this.#readers.values()) await reader.close();
    for (const [uid, entry] of [...this.#entries]) await this.#close(uid, entry).catch(() => {});
    await this.#operation.release();
  }

  async #open(uid: string): Promise<OpenImage> {
    const { meta, settings } = this.#context;
    const { version, lock } = await lockFoundVersion(this.#context, uid, 'shared');
    try {
      const blockSize = await blockSizeOf(meta, version, settings.blockSize);
      await proveKeyForReading(this.#context, version);
      const reader = this.#reader(blockSize);
      const firstKey = this.#opened++ * KEYS_OF_AN_IMAGE;
      const look = new MassDamageCheck(this.#context, uid);
      const record = (finding: Finding, row: BlockRow): Promise<Verdict> => {
        const verdict = image.marking.then(() => this.#record(version, look, { finding, row }));
        image.marking = verdict.then(() => {});
        return verdict;
      };
      const view = new ImageView({ context: this.#context, version, blockSize, reader, firstKey, record });
      const image: OpenImage = { view, reader, firstKey, lock, marking: Promise.resolve() };
      return image;
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** Marks a bad block, unless it was mended. A recorder of its own: what was marked may have been found good meanwhile, and be bad again. */
  async #record(
    version: TaggedVersion,
    look: MassDamageCheck,
    { finding, row }: { finding: Finding; row: BlockRow },
  ): Promise<Verdict> {
    const { meta, logger } = this.#context;
    try {
      if (finding.problem === 'missing' && (await look.isMassDamage())) return 'unmarked';
      // One block alone is never mass damage: this guard only makes sure that the store is still
      // the right one.
      const guard = new DamageGuard(this.#context, { versionUid: version.uid, onMassDamage: 'goOn' });
      const recorder = new BadBlockRecorder({ meta, logger, version, during: 'reading', guard });
      const mended = await recorder.record([finding], [row]);
      await guard.settle();
      return mended.length > 0 ? 'mended' : 'marked';
    } catch (error) {
      logger.error(`Block ${finding.id} of version ${version.uid} could not be marked: ${messageOf(error)}`);
      return 'unmarked';
    }
  }

  #reader(blockSize: number): BlockReader {
    let reader = this.#readers.get(blockSize);
    if (reader === undefined) {
      reader = new BlockReader(this.#context, blockSize, this.#onFailure);
      this.#readers.set(blockSize, reader);
    }
    return reader;
  }

  /** Whoever opens it from now on opens it anew. */
  async #close(uid: string, entry: Entry): Promise<void> {
    this.#entries.delete(uid);
    const image = await entry.opening;
    await image.marking;
    image.view.close();
    image.reader.cache.dropRange(image.firstKey, image.firstKey + KEYS_OF_AN_IMAGE);
    await image.lock.release();
  }
}
