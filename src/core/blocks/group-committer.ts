import { BackyError } from '../../errors.ts';

/** How items are gathered and committed. */
export interface GroupCommitterOptions<T> {
  /** A group is due with this many items. */
  dueItems: number;
  /** A group is due this many milliseconds after its first item. */
  dueMs: number;
  /** Makes durable what these items rely on. Undefined: they rely on nothing. */
  flush?: ((items: readonly T[]) => Promise<void>) | undefined;
  /** Commits one group; runs only after its flush has succeeded. */
  commit(items: readonly T[]): Promise<void>;
}

/**
 * Gathers items and commits them in groups, since a transaction and a set of fsyncs cost the same
 * for one item and for thousands. Groups are committed one at a time, each after a flush of its
 * own.
 *
 * Once a flush has failed, every later commit fails with the same error: a kernel reports a failed
 * write once, so that a later flush proves nothing of what was written before.
 */
export class GroupCommitter<T> {
  readonly #options: GroupCommitterOptions<T>;
  #items: T[] = [];
  #firstAt = 0;
  #committing: Promise<void> | undefined;
  #flushFailure: { error: unknown } | undefined;

  constructor(options: GroupCommitterOptions<T>) {
    this.#options = options;
  }

  add(item: T): void {
    if (this.#items.push(item) === 1) this.#firstAt = performance.now();
  }

  /** Commits if a group is due and no commit runs. Resolves at once otherwise. */
  async commitIfDue(): Promise<void> {
    const { length } = this.#items;
    if (length === 0 || this.#committing !== undefined) return;
    const { dueItems, dueMs } = this.#options;
    if (length >= dueItems || performance.now() - this.#firstAt >= dueMs) await this.commit();
  }

  /**
   * Resolves when there is room for more items, so that a slow database does not fill the memory.
   */
  async room(): Promise<void> {
    while (this.#committing !== undefined && this.#items.length >= 2 * this.#options.dueItems) await this.#committing;
  }

  /**
   * Commits all items that were added before the call. Rejects if a commit that it waits for fails.
   */
  async commit(): Promise<void> {
    while (this.#committing !== undefined) await this.#committing;
    if (this.#items.length === 0) return;
    this.#committing = this.#commitGroup();
    try {
      await this.#committing;
    } finally {
      this.#committing = undefined;
    }
  }

  async #commitGroup(): Promise<void> {
    const items = this.#items;
    this.#items = [];
    await this.#flush(items);
    await this.#options.commit(items);
  }

  async #flush(items: readonly T[]): Promise<void> {
    if (this.#flushFailure !== undefined) throw this.#flushFailure.error;
    try {
      await this.#options.flush?.(items);
    } catch (error) {
      this.#flushFailure = { error };
      throw error;
    }
  }
}

/**
 * Runs `body`, which gathers items. If it fails, the items gathered so far are committed, unless a
 * worker failed: then nothing can be flushed. A second failure does not hide the first.
 */
export async function committedOnFailure(committer: { commit(): Promise<void> }, body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (error) {
    if (!(error instanceof BackyError && error.code === 'worker')) await committer.commit().catch(() => {});
    throw error;
  }
}
