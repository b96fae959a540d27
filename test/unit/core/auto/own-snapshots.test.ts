import { expect, it } from 'vitest';
import { fromFuture, snapshotName } from '../../../../src/core/auto/own-snapshots.ts';

const NOW = new Date('2026-11-23T04:42:24Z');
const PREFIX = 'backy2-host-';
const nameAt = (minutes: number) => snapshotName(PREFIX, new Date(NOW.getTime() + minutes * 60_000));

it('finds own snapshots from a clock that was ahead by more than the tolerance', () => {
  const [old, fresh, close, ahead] = [nameAt(-60), nameAt(0), nameAt(4), nameAt(6)];
  const names = [old, fresh, close, ahead, 'backy2-other-2030-01-01T00:00:00.000Z', `${PREFIX}2030`, 'by hand'];
  expect(fromFuture(names, PREFIX, NOW)).toEqual([ahead]);
});
