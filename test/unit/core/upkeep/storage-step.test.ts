import { describe, expect, it } from 'vitest';
import { runStep } from '../../../../src/core/upkeep/storage-step.ts';
import { BackyError } from '../../../../src/errors.ts';

const PLAN = { step: 'write', inFlight: 3, requests: 10, bytesEach: 100 } as const;

describe('a step', () => {
  it('makes each request once, with one request at a time per lane', async () => {
    const indexes: number[] = [];
    const busy = new Set<number>();
    const result = await runStep(PLAN, async (index, lane) => {
      expect(busy.has(lane)).toBe(false);
      busy.add(lane);
      indexes.push(index);
      await Promise.resolve();
      busy.delete(lane);
    });
    expect(indexes.sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(result).toMatchObject({ step: 'write', inFlight: 3, requests: 10, bytes: 1000, problem: null });
  });

  it('ends with the first failure, which becomes its problem', async () => {
    const result = await runStep({ ...PLAN, inFlight: 1 }, async (index) => {
      if (index === 2) throw new BackyError('dataBackend', 'It is full', { hint: 'Make room.' });
    });
    expect(result).toMatchObject({ requests: 2, bytes: 200, problem: 'It is full. Make room.' });
  });

  it('throws errors that are no result of the storage', async () => {
    await expect(runStep(PLAN, () => Promise.reject(new TypeError('bug')))).rejects.toThrow('bug');
  });

  it('starts no more requests once the user has stopped it', async () => {
    const stop = new AbortController();
    let begun = 0;
    const running = runStep({ ...PLAN, inFlight: 1, signal: stop.signal }, async () => {
      if (++begun === 4) stop.abort(new BackyError('interrupted', 'Stopped.'));
    });
    await expect(running).rejects.toMatchObject({ code: 'interrupted' });
    expect(begun).toBe(4);
  });
});
