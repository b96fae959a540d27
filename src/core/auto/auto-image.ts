import { createHash } from 'node:crypto';
import { BackyError, messageOf, toBackyError } from '../../errors.ts';
import type { RbdSession } from '../../io/rbd/rbd-session.ts';
import { rbdSpec } from '../../io/rbd/rbd-url.ts';
import type { Context } from '../context.ts';
import { describeHolders, holding } from '../versions/locks.ts';
import { type AutoBase, type AutoPlan, planAutoBackup, snapshotPrefix } from './auto-plan.ts';
import type { AutoImageRequest, AutoResult } from './auto-request.ts';
import { snapshotName } from './own-snapshots.ts';
import { SnapshotBackup } from './snapshot-backup.ts';

/**
 * Backs an image up from a new snapshot. Reads the changes since the newest snapshot with a valid
 * version, or everything. Removes older own snapshots once the new version is valid. After a crash
 * the next run finds leftover snapshots by their names. Rejects only when the user stops it.
 */
export async function autoBackupImage(context: Context, session: RbdSession, request: AutoImageRequest): Promise<AutoResult> {
  const run = new AutoRun(context, session, request);
  const image = rbdSpec(request.place);
  const name = `rbd-${shortHash(image)}`;
  const lock = await context.locks.tryAcquire(name, 'exclusive');
  if (lock === undefined) {
    run.result.errors.push(
      new BackyError('locked', `Another run works on image ${image}.`, {
        hint: `Wait until it has ended: ${await describeHolders(context.locks, name)}`,
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
  readonly #request: AutoImageRequest;

  constructor(context: Context, session: RbdSession, request: AutoImageRequest) {
    const { place, name, options } = request;
    this.#context = context;
    this.#session = session;
    this.#request = request;
    this.result = {
      ...{ image: rbdSpec(place), name, dryRun: options.dryRun, snapshot: null, fromSnapshot: null, baseUid: null },
      ...{ removedSnapshots: [], backup: null, errors: [] },
    };
  }

  async perform(): Promise<AutoResult> {
    const { result } = this;
    const { place, name, options } = this.#request;
    try {
      const { keepSnapshots } = options;
      const plan = await planAutoBackup(this.#context, this.#session, { place, name, keepSnapshots });
      if (options.dryRun) return this.#describe(plan);
      for (const snapshot of plan.removeBefore) await this.#remove(snapshot, 'of which there is no valid version');
      await this.#backUp(plan.base);
      for (const snapshot of plan.removeAfter) await this.#remove(snapshot, 'which is no longer needed');
    } catch (error) {
      this.#context.signal.throwIfAborted();
      result.errors.push(toBackyError(error));
    }
    return result;
  }

  #describe({ base, removeBefore, removeAfter }: AutoPlan): AutoResult {
    const { result } = this;
    result.fromSnapshot = base?.snapshot ?? null;
    result.baseUid = base?.version.uid ?? null;
    result.removedSnapshots = [...removeBefore, ...removeAfter];
    this.#log(
      base === undefined ? 'Would back it up in full.' : `Would back up what has changed since snapshot ${base.snapshot}.`,
    );
    for (const snapshot of result.removedSnapshots) this.#log(`Would remove snapshot ${snapshot}.`);
    return result;
  }

  async #backUp(base: AutoBase | undefined): Promise<void> {
    const snapshot = snapshotName(snapshotPrefix(this.#context), this.#context.now());
    await this.#createSnapshot(snapshot);
    try {
      this.result.snapshot = snapshot;
      const source = { context: this.#context, session: this.#session, request: this.#request };
      await new SnapshotBackup(source, this.result).run(snapshot, base);
    } catch (error) {
      this.result.snapshot = null;
      await this.#discard(snapshot);
      throw error;
    }
  }

  async #createSnapshot(snapshot: string): Promise<void> {
    try {
      await this.#session.call('createSnapshot', this.#request.place, snapshot);
    } catch (error) {
      // An aborted call may have created it. On any other failure, a snapshot of that name is not
      // ours.
      if (this.#context.signal.aborted) await this.#discard(snapshot);
      throw error;
    }
  }

  /** Removes a snapshot that got no version. On failure, the next run removes it. */
  async #discard(snapshot: string): Promise<void> {
    try {
      await this.#session.callAtEnd('removeSnapshot', this.#request.place, snapshot);
    } catch (error) {
      this.#context.logger.warning(`Snapshot ${snapshot} stays; the next run removes it. ${messageOf(error)}`);
    }
  }

  /** Removes a snapshot. A failure is added to the result, and the next run tries again. */
  async #remove(snapshot: string, why: string): Promise<void> {
    this.#log(`Removing snapshot ${snapshot}, ${why}.`);
    try {
      await this.#session.call('removeSnapshot', this.#request.place, snapshot);
      this.result.removedSnapshots.push(snapshot);
    } catch (error) {
      this.#context.signal.throwIfAborted();
      this.result.errors.push(toBackyError(error));
    }
  }

  #log(text: string): void {
    this.#context.logger.info(`${this.result.image}: ${text}`);
  }
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
