import { afterEach, expect, test, vi } from 'vitest';
import { abortOnSignals } from '../../../../src/cli/live/signals.ts';

afterEach(() => {
  vi.useRealTimers();
});

test('a signal that comes twice within a moment, as timeout sends it, stops in order; a later one at once', () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const stops: string[] = [];
  const watch = abortOnSignals(({ message }) => {
    stops.push(message);
    // The process would end here.
    throw new Error('at once');
  });
  const send = () => process.emit('SIGTERM', 'SIGTERM');
  send();
  vi.advanceTimersByTime(19);
  send();
  expect(watch.signal.aborted).toBe(true);
  expect(stops).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(send).toThrow('at once');
  expect(stops).toEqual(['Stopped by SIGTERM.']);
  watch.end();
  expect(process.listenerCount('SIGTERM')).toBe(0);
});
