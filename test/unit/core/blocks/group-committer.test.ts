import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { committedOnFailure, GroupCommitter, type GroupCommitterOptions } from '../../../../src/core/blocks/group-committer.ts';
import { BackyError } from '../../../../src/errors.ts';

afterEach(() => {
  vi.useRealTimers();
});

/** Notes what happens. Each flush and each commit takes a turn of the event loop. */
function committerWith(options: Partial<GroupCommitterOptions<number>> = {}) {
  const events: string[] = [];
  const committer = new GroupCommitter<number>({
    dueItems: 3,
    dueMs: 1_000,
    flush: async (items) => {
      events.push(`flush ${items}`);
      await nextTurn();
    },
    commit: async (items) => {
      events.push(`commit ${items}`);
      await nextTurn();
      events.push(`committed ${items}`);
    },
    ...options,
  });
  return { committer, events };
}

describe('a group', () => {
  it('is committed after its flush, in the order of its items', async () => {
    const { committer, events } = committerWith();
    for (const item of [1, 2]) committer.add(item);
    await committer.commit();
    expect(events).toEqual(['flush 1,2', 'commit 1,2', 'committed 1,2']);
  });

  it('without items is neither flushed nor committed', async () => {
    const { committer, events } = committerWith();
    await committer.commit();
    await committer.commitIfDue();
    expect(events).toEqual([]);
  });

  it('is due with enough items', async () => {
    const { committer, events } = committerWith();
    for (const item of [1, 2]) committer.add(item);
    await committer.commitIfDue();
    expect(events).toEqual([]);
    committer.add(3);
    await committer.commitIfDue();
    expect(events.at(-1)).toBe('committed 1,2,3');
  });

  it('is due some time after its first item', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const { committer, events } = committerWith();
    committer.add(1);
    vi.advanceTimersByTime(600);
    committer.add(2);
    vi.advanceTimersByTime(399);
    await committer.commitIfDue();
    expect(events).toEqual([]);
    vi.advanceTimersByTime(1);
    await committer.commitIfDue();
    expect(events.at(-1)).toBe('committed 1,2');
    committer.add(3);
    await committer.commitIfDue();
    expect(events.at(-1)).toBe('committed 1,2');
  });

  it('waits for the one before it, and has a flush of its own', async () => {
    const { committer, events } = committerWith();
    committer.add(1);
    const first = committer.commit();
    committer.add(2);
    await Promise.all([first, committer.commit(), committer.commit()]);
    expect(events).toEqual(['flush 1', 'commit 1', 'committed 1', 'flush 2', 'commit 2', 'committed 2']);
  });

  it('is not begun because it is due while another one is being committed', async () => {
    const { committer, events } = committerWith();
    committer.add(1);
    const first = committer.commit();
    for (const item of [2, 3, 4]) committer.add(item);
    await committer.commitIfDue();
    expect(events).toEqual(['flush 1']);
    await first;
  });
});

describe('room for more items', () => {
  it('is there at once unless two groups wait behind a commit', async () => {
    const { committer, events } = committerWith();
    committer.add(1);
    const first = committer.commit();
    for (const item of [2, 3, 4, 5, 6]) committer.add(item);
    await committer.room();
    expect(events).toEqual(['flush 1']);
    committer.add(7);
    await committer.room();
    expect(events).toEqual(['flush 1', 'commit 1', 'committed 1']);
    await first;
  });
});

describe('a failure', () => {
  it('of a flush fails every later commit with the same error, and nothing is flushed or committed', async () => {
    let flushes = 0;
    const { committer, events } = committerWith({
      flush: async () => {
        flushes++;
        throw new Error('no fsync');
      },
    });
    committer.add(1);
    await expect(committer.commit()).rejects.toThrow('no fsync');
    committer.add(2);
    await expect(committer.commit()).rejects.toThrow('no fsync');
    expect([flushes, events]).toEqual([1, []]);
  });

  it('of a commit fails those who wait for it, and later groups are committed all the same', async () => {
    const committed: number[] = [];
    const { committer } = committerWith({
      commit: async (items) => {
        await nextTurn();
        if (items.includes(1)) throw new Error('database is gone');
        committed.push(...items);
      },
    });
    committer.add(1);
    const first = committer.commit();
    committer.add(2);
    const second = committer.commit();
    await expect(first).rejects.toThrow('database is gone');
    await expect(second).rejects.toThrow('database is gone');
    await committer.commit();
    expect(committed).toEqual([2]);
  });
});

describe('an operation that fails', () => {
  /** Gathers an item and fails with `error`. */
  function failWith(error: Error, options: Partial<GroupCommitterOptions<number>> = {}) {
    const { committer, events } = committerWith(options);
    const failing = committedOnFailure(committer, async () => {
      committer.add(1);
      throw error;
    });
    return { failing, events };
  }

  it('commits what it has gathered', async () => {
    const { failing, events } = failWith(new BackyError('io', 'Cannot read.'));
    await expect(failing).rejects.toThrow('Cannot read.');
    expect(events.at(-1)).toBe('committed 1');
  });

  it('commits nothing when a worker failed, since nothing can be flushed', async () => {
    const { failing, events } = failWith(new BackyError('worker', 'A thread ended.'));
    await expect(failing).rejects.toThrow('A thread ended.');
    expect(events).toEqual([]);
  });

  it('reports its own failure, not that of the commit', async () => {
    const commit = async () => {
      throw new Error('database is gone');
    };
    await expect(failWith(new BackyError('io', 'Cannot read.'), { commit }).failing).rejects.toThrow('Cannot read.');
  });
});
