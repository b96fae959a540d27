import { describe, expect, it } from 'vitest';
import { type PendingRead, ReadQueue } from '../../../../src/core/serve/read-queue.ts';

const SIZES = { maxBlocks: 8, jobsAtOnce: 4, aheadBlocks: 3 };

function read(key: number, reject: (error: unknown) => void = () => {}): PendingRead {
  const row = { id: key, uid: 'u', checksum: null, size: 1, valid: true, encVersion: 0, envKey: null, nonce: null };
  const block = { key, slot: 0, loaded: Promise.resolve(), isLoaded: false, pins: 0, servedBytes: 0 };
  return { key, row, onBad: () => {}, block, resolve: () => {}, reject };
}

function queueOf(urgent: number, ahead: number): ReadQueue {
  const queue = new ReadQueue(SIZES);
  for (let key = 0; key < ahead; key++) queue.add(read(100 + key), 'ahead');
  for (let key = 0; key < urgent; key++) queue.add(read(key), 'urgent');
  return queue;
}

const keys = (reads: readonly PendingRead[]) => reads.map(({ key }) => key);

describe('a job', () => {
  it('takes urgent reads before those ahead', () => {
    const queue = queueOf(1, 2);
    expect([keys(queue.takeJob()), keys(queue.takeJob()), keys(queue.takeJob())]).toEqual([[0], [100, 101], []]);
    expect(queue.isEmpty).toBe(true);
  });

  it.each([
    { urgent: 4, expected: 1 },
    { urgent: 9, expected: 3 },
    { urgent: 100, expected: 8 },
  ])('shares $urgent urgent reads among all jobs: it takes $expected', ({ urgent, expected }) => {
    expect(queueOf(urgent, 0).takeJob()).toHaveLength(expected);
  });

  it('takes several blocks of those ahead, however few there are', () => {
    expect(queueOf(0, 5).takeJob()).toHaveLength(3);
  });

  it('returns its reads once, by its number', () => {
    const queue = queueOf(2, 0);
    queue.takeJob();
    queue.takeJob();
    expect([keys(queue.finishJob(1)), keys(queue.finishJob(1)), keys(queue.finishJob(0))]).toEqual([[1], [], [0]]);
  });
});

it('a read ahead that somebody waits for becomes urgent', () => {
  const queue = queueOf(0, 3);
  queue.promote(102);
  queue.promote(7);
  expect(keys(queue.takeJob())).toEqual([102]);
});

it('a failure rejects all reads, those of running jobs too', () => {
  const queue = new ReadQueue(SIZES);
  const rejected: unknown[] = [];
  for (const [key, priority] of [
    [1, 'urgent'],
    [2, 'urgent'],
    [3, 'ahead'],
  ] as const) {
    queue.add(
      read(key, () => rejected.push(key)),
      priority,
    );
  }
  queue.takeJob();
  queue.rejectAll(new Error('workers are gone'));
  expect(rejected.sort()).toEqual([1, 2, 3]);
  expect(queue.isEmpty).toBe(true);
});
