import { BackyError, messageOf } from '../../errors.ts';
import type { RbdSession } from '../../io/rbd/rbd-session.ts';
import { rbdUrl } from '../../io/rbd/rbd-url.ts';
import { sourceIn } from '../../io/rbd/share-rbd.ts';
import { backup } from '../backup/backup.ts';
import type { BackupResult } from '../backup/request.ts';
import type { Context } from '../context.ts';
import type { Hint } from '../plan/hints.ts';
import { checkAge } from '../versions/snapshot-versions.ts';
import type { AutoBase } from './auto-plan.ts';
import type { AutoImageRequest, AutoResult } from './auto-request.ts';

/** The image whose snapshot is backed up. */
interface SnapshotSource {
  context: Context;
  session: RbdSession;
  request: AutoImageRequest;
}

/** How one attempt reads the snapshot: from hints, from a base, or completely. */
interface Attempt {
  hints?: Hint[] | undefined;
  baseUid?: string;
}

/** Backs a snapshot up: its changes if there is a base, else what is in use. Fills the result. */
export class SnapshotBackup {
  readonly #source: SnapshotSource;
  readonly #result: AutoResult;

  constructor(source: SnapshotSource, result: AutoResult) {
    this.#source = source;
    this.#result = result;
  }

  async run(snapshot: string, base: AutoBase | undefined): Promise<void> {
    if (!(await this.#backUpChanges(snapshot, base))) await this.#backUpInUse(snapshot);
  }

  /**
   * Makes a differential backup.
   * @returns false, with nothing done, when there is no base or no list of changes.
   */
  async #backUpChanges(snapshot: string, base: AutoBase | undefined): Promise<boolean> {
    const hints = base && (await this.#changes(snapshot, base));
    if (base === undefined || hints === undefined) return false;
    const { uid } = base.version;
    this.#log(`Differential backup, from snapshot ${base.snapshot} and version ${uid}.`);
    const isDifferential = await this.#backUpByHints(snapshot, { hints, baseUid: uid }, [
      `${this.#result.image} differs from version ${uid} where nothing has changed. All of it was read.`,
      `Scrub that version: backy2 scrub ${uid}`,
    ]);
    if (!isDifferential) return true;
    this.#result.fromSnapshot = base.snapshot;
    this.#result.baseUid = uid;
    return true;
  }

  /** Makes a full backup of what is in use. */
  async #backUpInUse(snapshot: string): Promise<void> {
    this.#log('Full backup.');
    const { image } = this.#result;
    const hints = await this.#source.session.inUse({ ...this.#source.request.place, snapshot });
    await this.#backUpByHints(snapshot, { hints }, [
      `${image} has data where the cluster says that nothing is in use. All of it was read.`,
      `Check its object map: rbd object-map check ${image}`,
    ]);
  }

  /**
   * Backs up what the hints name. If hints or base turn out to be wrong, adds an error with this
   * message and hint, and reads everything.
   * @returns false when everything was read.
   */
  async #backUpByHints(snapshot: string, attempt: Attempt, [message, hint]: [string, string]): Promise<boolean> {
    try {
      this.#result.backup = await this.#backup(snapshot, attempt);
      return true;
    } catch (error) {
      if (!(error instanceof BackyError && error.code === 'hintsMismatch')) throw error;
      this.#result.errors.push(new BackyError(error.code, message, { hint, cause: error }));
    }
    this.#result.backup = await this.#backup(snapshot, {});
    return false;
  }

  /** Returns undefined when the changes can't be listed; then only a full backup is possible. */
  async #changes(snapshot: string, { snapshot: from, version }: AutoBase): Promise<Hint[] | undefined> {
    try {
      const { differences, fromTimeMs } = await this.#source.session.diff({ ...this.#source.request.place, snapshot }, from);
      checkAge(version, from, fromTimeMs);
      return differences;
    } catch (error) {
      this.#source.context.signal.throwIfAborted();
      this.#source.context.logger.warning(`${this.#result.image}: ${messageOf(error)}`);
      return undefined;
    }
  }

  #backup(snapshot: string, attempt: Attempt): Promise<BackupResult> {
    const { name, options } = this.#source.request;
    const { tags, expire, acceptDamage, onVersion } = options;
    const place = { ...this.#source.request.place, snapshot };
    const fixed = { source: rbdUrl(place), name, snapshotName: snapshot, canContinue: false, inThreads: true };
    return backup(this.#source.context, { ...fixed, tags, expire, acceptDamage, onVersion, ...attempt }, () =>
      sourceIn(this.#source.session, place, this.#source.context.io.rbd),
    );
  }

  #log(text: string): void {
    this.#source.context.logger.info(`${this.#result.image}: ${text}`);
  }
}
