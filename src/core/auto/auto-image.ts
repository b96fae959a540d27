import { createHash } from 'node:crypto';
import { BackyError, messageOf } from '../../errors.ts';
import type { RbdSession } from '../../io/rbd/rbd-session.ts';
import { type RbdPlace, rbdSpec, rbdUrl } from '../../io/rbd/rbd-url.ts';
import { sourceIn } from '../../io/rbd/share-rbd.ts';
import { CHECK_CLOCKS } from '../../model/clock.ts';
import type { TaggedVersion } from '../../model/version.ts';
import { backup } from '../backup/backup.ts';
import { checkAge } from '../backup/diff-from.ts';
import type { BackupResult } from '../backup/request.ts';
import { checkSameBlockSize } from '../blocks/block-size.ts';
import type { Context } from '../context.ts';
import type { Hint } from '../plan/hints.ts';
import { holding } from '../versions/locks.ts';
import { defaultPrefix, fromFuture, type OwnSnapshots, ownSnapshots, snapshotName } from './own-snapshots.ts';

/** How an image is backed up by itself. */
export interface AutoOptions {
  /** Of its own snapshots so many stay, 1 or more: the newest ones with a valid version. */
  keepSnapshots: number;
  /** Say what would be done, and do nothing. */
  dryRun: boolean;
  acceptDamage?: boolean | undefined;
  tags?: readonly string[] | undefined;
  expire?: Date | undefined;
  onVersion?: ((uid: string) => void) | undefined;
}

/** What was done about an image, or, in a dry run, would be. */
export interface AutoResult {
  /** As the rbd command writes it. */
  image: string;
  name: string;
  dryRun: boolean;
  /** The snapshot that was made and backed up; null: none. */
  snapshot: string | null;
  /** What the backup started from; null: it is a full one. */
  fromSnapshot: string | null;
  baseUid: string | null;
  removedSnapshots: string[];
  backup: BackupResult | null;
  /** What went wrong. Without a backup, the last one is why. */
  errors: BackyError[];
}

/** What is to be done about an image. */
interface AutoPlan {
  base: { snapshot: string; version: TaggedVersion } | undefined;
  removeBefore: string[];
  removeAfter: string[];
}

/**
 * Backs an image up from a new snapshot: what has changed since the newest snapshot that has a valid version, or all of it. Older snapshots of
 * ours are removed only once the new version is valid. Whatever stops it, the next run finds what it has left by its name.
 */
export async function autoBackupImage(
  context: Context,
  session: RbdSession,
  { place, name, options }: { place: RbdPlace; name: string; options: AutoOptions },
): Promise<AutoResult> {
  const run = new AutoRun(context, session, { place, name, options });
  const lock = await context.locks.tryAcquire(`rbd-${shortHash(rbdSpec(place))}`, 'exclusive');
  if (lock === undefined) {
    run.result.errors.push(
      new BackyError('locked', `Another run works on image ${rbdSpec(place)}.`, {
        hint: 'Wait until it has ended: ps axfu | grep backy2',
      }),
    );
    return run.result;
  }
  return holding([async () => lock], () => run.perform());
}

class AutoRun {
  readonly result: AutoResult;
  readonly #context: Context;
  readonly #session: RbdSession;
  readonly #place: RbdPlace;
  readonly #options: AutoOptions;

  constructor(
    context: Context,
    session: RbdSession,
    { place, name, options }: { place: RbdPlace; name: string; options: AutoOptions },
  ) {
    this.#context = context;
    this.#session = session;
    this.#place = place;
    this.#options = options;
    this.result = {
      ...{ image: rbdSpec(place), name, dryRun: options.dryRun, snapshot: null, fromSnapshot: null, baseUid: null },
      ...{ removedSnapshots: [], backup: null, errors: [] },
    };
  }

  /** Rejects only when the user stops the program. */
  async perform(): Promise<AutoResult> {
    const { result } = this;
    try {
      const plan = await this.#plan();
      if (this.#options.dryRun) return this.#describe(plan);
      for (const snapshot of plan.removeBefore) await this.#remove(snapshot, 'of which there is no valid version');
      await this.#backUp(plan);
      for (const snapshot of plan.removeAfter) await this.#remove(snapshot, 'which is no longer needed');
    } catch (error) {
      this.#context.signal.throwIfAborted();
      result.errors.push(toBackyError(error));
    }
    return result;
  }

  async #plan(): Promise<AutoPlan> {
    const prefix = this.#context.io.rbd.snapshotPrefix ?? defaultPrefix();
    const snapshots = await this.#session.call('snapshots', this.#place);
    this.#warnOfFuture(
      snapshots.map(({ name }) => name),
      prefix,
    );
    const own = await ownSnapshots(this.#context.meta, snapshots, { prefix, name: this.result.name });
    const newest = own.known.at(-1);
    const fits = newest !== undefined && (await this.#hasOurBlocks(newest.version));
    return {
      base: newest !== undefined && fits ? { snapshot: newest.name, version: newest.version } : undefined,
      ...this.#removals(own),
    };
  }

  #warnOfFuture(snapshots: readonly string[], prefix: string): void {
    const { logger, now } = this.#context;
    const [first, ...more] = fromFuture(snapshots, prefix, now());
    if (first === undefined) return;
    const which = more.length === 0 ? `Snapshot ${first} is` : `${more.length + 1} snapshots (${first}, …) are`;
    logger.warning(`${rbdSpec(this.#place)}: ${which} dated in the future. ${CHECK_CLOCKS}`);
  }

  /** With no valid version, the newest snapshot stays all the same until there is one: a scrub may yet make its version valid. */
  #removals({ known, loose }: OwnSnapshots): Pick<AutoPlan, 'removeBefore' | 'removeAfter'> {
    const old = known.slice(0, Math.max(0, known.length + 1 - this.#options.keepSnapshots)).map(({ name }) => name);
    if (known.length > 0 || loose.length === 0) return { removeBefore: loose, removeAfter: old };
    return { removeBefore: loose.slice(0, -1), removeAfter: loose.slice(-1) };
  }

  /** A base of other blocks would be refused for good. */
  async #hasOurBlocks(base: TaggedVersion): Promise<boolean> {
    try {
      await checkSameBlockSize(this.#context.meta, base, this.#context.settings.blockSize);
      return true;
    } catch (error) {
      if (!(error instanceof BackyError && error.code === 'refused')) throw error;
      this.#say(`Version ${base.uid} is no base: ${error.message}`);
      return false;
    }
  }

  #describe({ base, removeBefore, removeAfter }: AutoPlan): AutoResult {
    const { result } = this;
    result.fromSnapshot = base?.snapshot ?? null;
    result.baseUid = base?.version.uid ?? null;
    result.removedSnapshots = [...removeBefore, ...removeAfter];
    this.#say(
      base === undefined ? 'Would back it up in full.' : `Would back up what has changed since snapshot ${base.snapshot}.`,
    );
    for (const snapshot of result.removedSnapshots) this.#say(`Would remove snapshot ${snapshot}.`);
    return result;
  }

  async #backUp({ base }: AutoPlan): Promise<void> {
    const { result } = this;
    const prefix = this.#context.io.rbd.snapshotPrefix ?? defaultPrefix();
    const snapshot = snapshotName(prefix, this.#context.now());
    try {
      await this.#session.call('createSnapshot', this.#place, snapshot);
    } catch (error) {
      // Stopped meanwhile, it may have been made all the same. Otherwise a snapshot of that name is somebody else's.
      if (this.#context.signal.aborted) await this.#discard(snapshot);
      throw error;
    }
    try {
      result.snapshot = snapshot;
      await this.#backUpFrom(snapshot, base);
    } catch (error) {
      result.snapshot = null;
      await this.#discard(snapshot);
      throw error;
    }
  }

  async #backUpFrom(snapshot: string, base: AutoPlan['base']): Promise<void> {
    const changes = base === undefined ? undefined : await this.#changes(snapshot, base);
    if (base !== undefined && changes !== undefined) {
      const { uid } = base.version;
      this.#say(`Differential backup, from snapshot ${base.snapshot} and version ${uid}.`);
      const backup = await this.#backupByList(snapshot, { hints: changes, baseUid: uid }, [
        `${rbdSpec(this.#place)} differs from version ${uid} where nothing has changed. All of it was read.`,
        `Scrub that version: backy2 scrub ${uid}`,
      ]);
      this.result.backup = backup ?? (await this.#backup(snapshot, {}));
      if (backup === undefined) return;
      this.result.fromSnapshot = base.snapshot;
      this.result.baseUid = uid;
      return;
    }
    this.#say('Full backup.');
    const hints = await this.#session.inUse({ ...this.#place, snapshot });
    const backup = await this.#backupByList(snapshot, { hints }, [
      `${rbdSpec(this.#place)} has data where the cluster says that nothing is in use. All of it was read.`,
      `Check its object map: rbd object-map check ${rbdSpec(this.#place)}`,
    ]);
    this.result.backup = backup ?? (await this.#backup(snapshot, {}));
  }

  /**
   * Undefined, with an error in the result, when the base or the list is wrong: whatever rests on
   * them can't be trusted, so every byte is to be read.
   */
  async #backupByList(
    snapshot: string,
    how: { hints: Hint[] | undefined; baseUid?: string },
    [message, hint]: [message: string, hint: string],
  ): Promise<BackupResult | undefined> {
    try {
      return await this.#backup(snapshot, how);
    } catch (error) {
      if (!(error instanceof BackyError && error.code === 'hintsMismatch')) throw error;
      this.result.errors.push(new BackyError(error.code, message, { hint, cause: error }));
      return undefined;
    }
  }

  /** Undefined: they can't be had, so that only a full backup is left. */
  async #changes(snapshot: string, { snapshot: from, version }: NonNullable<AutoPlan['base']>): Promise<Hint[] | undefined> {
    try {
      const { differences, fromTimeMs } = await this.#session.diff({ ...this.#place, snapshot }, from);
      checkAge(version, from, fromTimeMs);
      return differences;
    } catch (error) {
      this.#context.signal.throwIfAborted();
      this.#context.logger.warning(`${rbdSpec(this.#place)}: ${messageOf(error)}`);
      return undefined;
    }
  }

  #backup(snapshot: string, how: { hints?: Hint[] | undefined; baseUid?: string }): Promise<BackupResult> {
    const { tags, expire, acceptDamage, onVersion } = this.#options;
    const place = { ...this.#place, snapshot };
    const fixed = { source: rbdUrl(place), name: this.result.name, snapshotName: snapshot, canContinue: false };
    return backup(this.#context, { ...fixed, tags, expire, acceptDamage, onVersion, ...how }, () =>
      sourceIn(this.#session, place, this.#context.io.rbd),
    );
  }

  /** A snapshot without a version is of no use, and would only stay. */
  async #discard(snapshot: string): Promise<void> {
    try {
      await this.#session.callAtEnd('removeSnapshot', this.#place, snapshot);
    } catch (error) {
      this.#context.logger.warning(`Snapshot ${snapshot} stays; the next run removes it. ${messageOf(error)}`);
    }
  }

  /** A failure is kept in the result, and the next run tries again. */
  async #remove(snapshot: string, why: string): Promise<void> {
    this.#say(`Removing snapshot ${snapshot}, ${why}.`);
    try {
      await this.#session.call('removeSnapshot', this.#place, snapshot);
      this.result.removedSnapshots.push(snapshot);
    } catch (error) {
      this.#context.signal.throwIfAborted();
      this.result.errors.push(toBackyError(error));
    }
  }

  #say(text: string): void {
    this.#context.logger.info(`${rbdSpec(this.#place)}: ${text}`);
  }
}

function toBackyError(error: unknown): BackyError {
  if (error instanceof BackyError) return error;
  return new BackyError('failed', `Unexpected error: ${messageOf(error)}`, { hint: 'Run it again with -d.', cause: error });
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
