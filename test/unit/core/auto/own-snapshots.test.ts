import { expect, it, onTestFinished } from 'vitest';
import { fromFuture, ownSnapshots, snapshotName } from '../../../../src/core/auto/own-snapshots.ts';
import { CoreLab } from '../../../support/labs/core-lab.ts';

const NOW = new Date('2026-11-23T04:42:24Z');
const PREFIX = 'backy2-host-';
const nameAt = (minutes: number) => snapshotName(PREFIX, new Date(NOW.getTime() + minutes * 60_000));

it('finds own snapshots from a clock that was ahead by more than the tolerance', () => {
  const [old, fresh, close, ahead] = [nameAt(-60), nameAt(0), nameAt(4), nameAt(6)];
  const names = [old, fresh, close, ahead, 'backy2-other-2030-01-01T00:00:00.000Z', `${PREFIX}2030`, 'by hand'];
  expect(fromFuture(names, PREFIX, NOW)).toEqual([ahead]);
});

it('recognises snapshots of other hosts by the valid versions of this name that were made from them', async () => {
  const lab = await CoreLab.create();
  onTestFinished(() => lab.dispose());
  const at = (prefix: string, day: number) => snapshotName(prefix, new Date(Date.UTC(2026, 10, day)));
  const add = async (snapshot: string, { name = 'vm', valid = true } = {}) => {
    await lab.meta.createVersion({ uid: snapshot, name, snapshotName: snapshot, size: 0, sizeBytes: 0, expire: null, tags: [] });
    if (valid) await lab.meta.setVersionValid(snapshot);
    return snapshot;
  };
  const known = [await add(at('backy2-old.host-1-', 1)), await add(at(PREFIX, 2)), await add(at('backy2-other-', 3))];
  const loose = [at(PREFIX, 4), await add(at(PREFIX, 5), { valid: false })];
  const others = [
    // Another installation's, or that host makes the version now.
    at('backy2-other-', 6),
    await add(at('backy2-other-', 7), { valid: false }),
    await add(at('backy2-other-', 8), { name: 'of another name' }),
    // By hand, though with a version and a time.
    await add(at('nightly-', 9)),
    await add('backy2-other-2026-11-10'),
  ];
  const snapshots = [...known, ...loose, ...others].map((name, id) => ({ id, name, sizeBytes: 0 }));
  const found = await ownSnapshots(lab.meta, snapshots, { prefix: PREFIX, name: 'vm' });
  expect(found.known.map(({ name }) => name)).toEqual(known);
  expect(found.loose).toEqual(loose);
});
