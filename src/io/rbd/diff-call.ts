import { BackyError } from '../../errors.ts';
import type { Handle } from '../../native/librados.ts';
import { librbd } from '../../native/librbd.ts';
import { cephError } from './ceph-errors.ts';
import { listSnapshots, type OpenImage, snapshotTimeMs, withImage } from './image-calls.ts';
import { type RbdPlace, rbdSpec } from './rbd-url.ts';

/** A range of a snapshot that differs from an earlier one, or is in use. */
export interface Difference {
  offset: number;
  length: number;
  /** False: it holds only zeros now. */
  exists: boolean;
}

/** The differences of two snapshots. */
export interface SnapshotDiff {
  differences: Difference[];
  /** When the earlier snapshot was made, by the cluster's clock. */
  fromTimeMs: number;
}

/** A snapshot to compare with an earlier one. */
interface DiffRequest {
  place: RbdPlace;
  from: string | undefined;
  stop: Int32Array;
}

/**
 * The differences of two snapshots of an image, object by object. Fast if the image has fast-diff;
 * otherwise it takes one request per object.
 * @param place the later snapshot. @param from the name of the earlier one.
 * @param stop shared; not 0 ends it with an error.
 */
export function diffSnapshots(pool: Handle, { place, from, stop }: DiffRequest & { from: string }): SnapshotDiff {
  return withImage(pool, { place, mode: 'read' }, (image) => {
    const earlier = earlierSnapshot(image.handle, place, from);
    const differences = listDifferences(image, { place, from, stop });
    // With fast-diff, librbd 16 omits ranges behind the image's end at a snapshot in between, which
    // are zero now.
    if (earlier.leastBytes < Math.min(earlier.sizeBytes, image.sizeBytes)) {
      const end = Math.min(earlier.sizeBytes, image.sizeBytes);
      differences.push({ offset: earlier.leastBytes, length: end - earlier.leastBytes, exists: true });
    }
    return { differences, fromTimeMs: earlier.timeMs };
  });
}

/**
 * The differences of an open snapshot from `from`, object by object; `from` undefined: all objects
 * in use. Costs and `stop` are those of {@link diffSnapshots}.
 */
export function listDifferences({ handle, sizeBytes }: OpenImage, { place, from, stop }: DiffRequest): Difference[] {
  const differences: Difference[] = [];
  // librbd 16 aborts the whole process over images of no bytes that have fast-diff.
  if (sizeBytes === 0) return differences;
  const collect = (offset: number, length: number, exists: number): number => {
    // Whole objects may reach over the end of the image.
    const end = Math.min(offset + length, sizeBytes);
    if (end > offset) add(differences, { offset, length: end - offset, exists: exists !== 0 });
    return Atomics.load(stop, 0) === 0 ? 0 : STOPPED;
  };
  const result = librbd().diff(handle, from ?? null, 0, sizeBytes, 1, 1, collect, null);
  if (result >= 0) return differences;
  throw cephError(
    from === undefined ? `list what is in use of ${rbdSpec(place)}` : `list what differs between ${from} and ${rbdSpec(place)}`,
    result,
  );
}

/** Joins ranges that touch: images have many objects, and writes often touch several. */
function add(differences: Difference[], next: Difference): void {
  const last = differences.at(-1);
  if (last !== undefined && last.exists === next.exists && last.offset + last.length === next.offset) last.length += next.length;
  else differences.push(next);
}

/** -ECANCELED. */
const STOPPED = -125;

/** The earlier snapshot. */
interface Earlier {
  timeMs: number;
  sizeBytes: number;
  /** The smallest size of it and the snapshots between it and the later one. */
  leastBytes: number;
}

/** @param image the later snapshot, open: it lists all snapshots of the image. */
function earlierSnapshot(image: Handle, place: RbdPlace, from: string): Earlier {
  const spec = rbdSpec({ ...place, snapshot: undefined });
  const all = listSnapshots(image);
  const [first, later] = [from, place.snapshot].map((name) => all.find((snapshot) => snapshot.name === name));
  if (first === undefined) {
    throw new BackyError('io', `There is no snapshot "${from}" of image ${spec}.`, {
      hint: `List its snapshots with: rbd snap ls ${spec}. Without this one, all of the image has to be read.`,
    });
  }
  if (later !== undefined && first.id >= later.id) {
    throw new BackyError('io', `Snapshot "${from}" of image ${spec} is not older than "${later.name}".`, {
      hint: 'A difference goes from an older snapshot to a newer one.',
    });
  }
  const before = all.filter(({ id }) => id >= first.id && (later === undefined || id < later.id));
  const leastBytes = before.reduce((least, { sizeBytes }) => Math.min(least, sizeBytes), first.sizeBytes);
  return { timeMs: snapshotTimeMs(image, first.id), sizeBytes: first.sizeBytes, leastBytes };
}
