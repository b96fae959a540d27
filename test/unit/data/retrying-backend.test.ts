import { describe, expect, it } from 'vitest';
import type { DataBackend } from '../../../src/data/data-backend.ts';
import { NullBackend } from '../../../src/data/null-backend.ts';
import type { RetryNotice } from '../../../src/data/retrier.ts';
import { RetryingBackend } from '../../../src/data/retrying-backend.ts';
import { TransientFailure } from '../../../src/data/transient-failure.ts';
import { BackyError } from '../../../src/errors.ts';

const signal = new AbortController().signal;
const blob = { uid: 'blobs', blockId: 0, plainBytes: 4 };

/** A backend whose calls go through `bend`, which may fail them. */
function retrying(inner: Partial<DataBackend>, retryForMs = 60_000): { backend: RetryingBackend; notices: RetryNotice[] } {
  const notices: RetryNotice[] = [];
  const policy = { retryForMs, onRetry: (notice: RetryNotice) => notices.push(notice), random: () => 0 };
  return { backend: new RetryingBackend(Object.assign(new NullBackend(), inner), policy), notices };
}

/** Fails `times` times, then answers. */
function failing<T>(times: number, answer: T): () => Promise<T> {
  let left = times;
  return async () => {
    if (left-- > 0) throw new TransientFailure('the server is busy.', { hint: 'Wait.' });
    return answer;
  };
}

describe.concurrent('what failed for a reason that may pass', () => {
  it('is asked again, after growing waits, and told', async () => {
    const { backend, notices } = retrying({ put: failing(3, undefined) });
    await backend.put('blobs', new Uint8Array(1), signal);
    expect(notices.map(({ tries }) => tries)).toEqual([1, 2, 3]);
    expect(notices.map(({ waitMs }) => waitMs)).toEqual([125, 250, 500]);
    expect(notices[0]?.reason).toBe('the server is busy.');
  });

  it('ends with the reason, how often, and the hint once the time is over', async () => {
    const { backend, notices } = retrying({ delete: failing(Number.POSITIVE_INFINITY, { deleted: [], failed: [] }) }, 1);
    const error: unknown = await backend.delete(['blobs']).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'dataBackend', hint: 'Wait.' });
    expect(String(error)).toMatch(/the server is busy \(tried 3 times in \d+ s\)\.$/);
    expect(notices).toHaveLength(2);
  });

  it('is not waited for any longer once aborted', async () => {
    const aborter = new AbortController();
    const { backend } = retrying({
      put: async () => {
        setImmediate(() => aborter.abort(new Error('stop')));
        throw new TransientFailure('the server is busy.');
      },
    });
    await expect(backend.put('blobs', new Uint8Array(1), aborter.signal)).rejects.toThrow('stop');
  });
});

it('does not repeat what the server refuses', async () => {
  let asked = 0;
  const { backend, notices } = retrying({
    put: async () => {
      asked++;
      throw new BackyError('dataBackend', 'no such bucket');
    },
  });
  await expect(backend.put('blobs', new Uint8Array(1), signal)).rejects.toThrow('no such bucket');
  expect([asked, notices.length]).toEqual([1, 0]);
});

describe.concurrent('a blob that is missing', () => {
  it('is looked for again before that is believed', async () => {
    const answers = [undefined, 4];
    const { backend } = retrying({ get: async () => answers.shift() });
    expect(await backend.get(blob, new Uint8Array(4), signal)).toBe(4);
  });

  it('is missing when it stays so', async () => {
    let asked = 0;
    const get = async () => {
      asked++;
      return undefined;
    };
    expect(await retrying({ get }).backend.get(blob, new Uint8Array(4), signal)).toBeUndefined();
    expect(asked).toBe(3);
  });

  it('is looked for again where it is only looked for, too', async () => {
    const present = { state: 'present', storedBytes: 4 } as const;
    const answers = [{ state: 'missing' } as const, present];
    const { backend } = retrying({ find: async () => answers.shift() ?? { state: 'missing' } });
    expect(await backend.find('blobs', signal)).toEqual(present);
    expect(await backend.find('blobs', signal)).toEqual({ state: 'missing' });
  });
});

describe.concurrent("the store's ids", () => {
  it('are asked for with short patience before any work, and with full patience after it', async () => {
    const [before, after] = [retrying({ storeIds: failing(5, []) }), retrying({ storeIds: failing(5, []) })];
    await Promise.all([
      expect(before.backend.storeIds('short')).rejects.toThrow(/busy \(tried 5 times/),
      expect(after.backend.storeIds('full')).resolves.toEqual([]),
    ]);
    expect(after.notices.map(({ waitMs }) => waitMs)).toEqual([125, 250, 500, 1000, 2000]);
  });

  it('are not waited for any longer once aborted', async () => {
    const aborter = new AbortController();
    const { backend } = retrying({
      storeIds: async () => {
        setImmediate(() => aborter.abort(new Error('stop')));
        throw new TransientFailure('the server is busy.');
      },
    });
    await expect(backend.storeIds('full', aborter.signal)).rejects.toThrow('stop');
  });
});

it('goes on with a listing behind the last uid that it gave', async () => {
  const uids = ['a', 'b', 'c', 'd', 'e'];
  let failures = 2;
  async function* list(_prefix: string, after = ''): AsyncIterable<string> {
    for (const uid of uids.filter((uid) => uid > after)) {
      if (uid === 'c' && failures-- > 0) throw new TransientFailure('cut');
      yield uid;
    }
  }
  const { backend, notices } = retrying({ list });
  const listed: string[] = [];
  for await (const uid of backend.list('')) listed.push(uid);
  expect(listed).toEqual(uids);
  expect(notices).toHaveLength(2);
});
