import { randomBytes } from 'node:crypto';
import { BackyError } from '../../errors.ts';
import { KeyBatch } from '../codec/key-batch.ts';
import { KEY_BYTES, masterKeyOf } from '../codec/key-wrap.ts';
import type { ObjectStore } from '../object-store.ts';
import { type NameMaker, plainNames, sealedNames } from './catalogue-key.ts';
import { missingKey } from './damage.ts';
import { isByRecovery, type KeyWrap, unwrapByMaster, unwrapByRecovery, wrapByMaster, wrapByRecovery } from './key-wraps.ts';
import { type FoundWraps, findAllWraps, findWraps, isComplete, storeWraps } from './keys-object.ts';
import type { CatalogueOptions, RecoverySource } from './types.ts';

/** The catalogue key, and how it was found. */
interface FoundKey {
  key: Buffer;
  names: NameMaker;
  by: 'master' | 'recovery' | 'new';
  /** When it was found. */
  stored: FoundWraps;
}

/**
 * Holds the catalogue key. Opening changes nothing: the key of a new catalogue is stored before the
 * first put. Each failure shows on first use of the key: many calls need none.
 */
export class KeyHolder {
  /** The master key that rows have their data keys wrapped with, in hex. */
  readonly rowKey: string | undefined;
  /** For data keys of rows; undefined without encryption. */
  readonly batch: KeyBatch | undefined;
  readonly #objects: ObjectStore;
  readonly #options: CatalogueOptions;
  #found: FoundKey | undefined;
  #failure: unknown;
  #isUsed = false;
  #hasNewKey = false;
  #recoveryProblem: unknown;
  #stored: Promise<void> | undefined;

  private constructor(objects: ObjectStore, options: CatalogueOptions) {
    this.#objects = objects;
    this.#options = options;
    const { masterKey, recovery } = options;
    // With the recovery key alone, rows are for this process only.
    this.rowKey = masterKey ?? (recovery === undefined ? undefined : randomBytes(KEY_BYTES).toString('hex'));
    this.batch = this.rowKey === undefined ? undefined : new KeyBatch(masterKeyOf(this.rowKey));
  }

  static async open(objects: ObjectStore, options: CatalogueOptions): Promise<KeyHolder> {
    const holder = new KeyHolder(objects, options);
    try {
      holder.#found = await holder.#find();
    } catch (error) {
      holder.#failure = error;
    }
    return holder;
  }

  /** Whether new objects are encrypted. */
  get isSealed(): boolean {
    return this.#found !== undefined || this.#failure !== undefined;
  }

  /** Whether this one made the catalogue key. */
  get hasNewKey(): boolean {
    return this.#hasNewKey;
  }

  /** Why the configured recovery key could not be wrapped. */
  get recoveryProblem(): unknown {
    return this.#recoveryProblem;
  }

  /** @throws BackyError `encryption` if no configured key opens the catalogue. */
  get names(): NameMaker {
    if (this.#failure !== undefined) throw this.#failure;
    this.#isUsed = true;
    return this.#found?.names ?? plainNames;
  }

  /** The key to open sealed objects with. @throws BackyError `encryption` if there is none. */
  sealKey(): Buffer {
    const { sealKey } = this.names;
    if (sealKey === undefined) throw missingKey('no key is configured');
    return sealKey;
  }

  /**
   * Makes sure that the catalogue key is stored, wrapped by the configured keys. Stores a new one,
   * and a wrap by the recovery key if that is missing.
   * @throws BackyError `encryption` if the master key does not open it: what is written then could
   * not be read with that key.
   */
  async ensureStored(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#found === undefined) return;
    if (this.#found.by === 'recovery') throw missingKey('only the recovery key opens it: with that it can be read alone');
    const found = this.#found;
    this.#stored ??= this.#store(found).catch((error: unknown) => {
      this.#stored = undefined;
      throw error;
    });
    await this.#stored;
  }

  /** Replaces the wrap by a lost master key if the recovery key opened the catalogue. */
  async adoptMasterKey(): Promise<void> {
    const { masterKey } = this.#options;
    if (this.#found?.by !== 'recovery' || masterKey === undefined) return;
    const { wraps } = await findAllWraps(this.#objects);
    const others = wraps.filter(({ by }) => by !== 'master');
    await storeWraps(this.#objects, [wrapByMaster(this.#found.key, masterKey), ...others]);
    this.#found = { ...this.#found, by: 'master' };
  }

  async #find(): Promise<FoundKey | undefined> {
    const { masterKey, recovery } = this.#options;
    if (masterKey === undefined && recovery === undefined) return undefined;
    const stored = await findWraps(this.#objects);
    if (stored.state === 'none') return masterKey === undefined ? undefined : foundKey(randomBytes(KEY_BYTES), 'new', stored);
    const byMaster = masterKey === undefined ? undefined : unwrapByMaster(stored.wraps, masterKey);
    if (byMaster !== undefined) return foundKey(byMaster, 'master', stored);
    const byRecovery = recovery === undefined ? undefined : await unwrapByRecovery(stored.wraps, await recovery.read());
    if (byRecovery !== undefined) return foundKey(byRecovery, 'recovery', stored);
    throw missingKey('no configured key opens it');
  }

  async #store(found: FoundKey): Promise<void> {
    const { masterKey = '', recovery } = this.#options;
    if (found.by === 'master' && recovery === undefined && (isComplete(found.stored) || found.stored.state === 'unread')) return;
    // Others may have changed it since it was opened.
    const stored = await findWraps(this.#objects);
    const isNew = stored.state === 'none' && found.by === 'new';
    const { key } = isNew ? found : this.#adoptOther(found, stored);
    // Its other wraps are not known.
    if (stored.state === 'unread') return;
    const before = stored.state === 'none' ? [wrapByMaster(key, masterKey)] : stored.wraps;
    const after = recovery === undefined ? before : await this.#withRecovery(before, key, recovery);
    if (after !== before || !isComplete(stored)) await storeWraps(this.#objects, after);
    this.#hasNewKey ||= isNew;
  }

  /**
   * The wraps, with one by the recovery key: another one of its kind opens the catalogue no longer.
   */
  async #withRecovery(wraps: KeyWrap[], key: Buffer, { by, read }: RecoverySource): Promise<KeyWrap[]> {
    const old = wraps.find((wrap) => wrap.by === by);
    const recovery = await read().catch((error: unknown) => {
      // Usual once it is wrapped: it should be kept elsewhere.
      if (old === undefined) this.#recoveryProblem = error;
    });
    if (recovery === undefined || (old !== undefined && isByRecovery(old, key, recovery))) return wraps;
    return [...wraps.filter((wrap) => wrap !== old), await wrapByRecovery(key, recovery)];
  }

  /** Takes the key that another command has made meanwhile, if the own one is not used yet. */
  #adoptOther(found: FoundKey, stored: FoundWraps): FoundKey {
    if (found.by !== 'new') return found;
    const key = unwrapByMaster(stored.wraps, this.#options.masterKey ?? '');
    if (key === undefined) throw missingKey('no configured key opens it');
    if (this.#isUsed)
      throw new BackyError('failed', 'Another command has just made the key of the catalogue.', {
        hint: 'Run the command again.',
      });
    this.#found = foundKey(key, 'master', stored);
    return this.#found;
  }
}

function foundKey(key: Buffer, by: FoundKey['by'], stored: FoundWraps): FoundKey {
  return { key, names: sealedNames(key), by, stored };
}
