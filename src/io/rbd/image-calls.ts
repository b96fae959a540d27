import { BackyError } from '../../errors.ts';
import type { Handle } from '../../native/librados.ts';
import { librbd, OPTION_FEATURES } from '../../native/librbd.ts';
import { cephError, checked, isErrno } from './ceph-errors.ts';
import { poolSpec, type RbdPlace, rbdSpec } from './rbd-url.ts';

/** A snapshot of an image. */
export interface Snapshot {
  /** Rises with time. */
  id: number;
  name: string;
  sizeBytes: number;
}

/** An open image. */
export interface OpenImage {
  /** For reads and writes, in any thread. */
  handle: Handle;
  sizeBytes: number;
  /** Differs from that of a later image of the same name; empty for images of format 1. */
  id: string;
  /** Differs from that of a later snapshot of the same name; undefined for the image itself. */
  snapshotId: number | undefined;
  /**
   * For a clone: bytes from the start that are its parent's unless it has its own. 0 without a
   * parent.
   */
  parentBytes: number;
}

/** Opens an image. For reads, other clients can still use it. */
export function openImage(pool: Handle, place: RbdPlace, mode: 'read' | 'write'): OpenImage {
  const library = librbd();
  const out = Buffer.alloc(8);
  const open = mode === 'read' ? library.openReadOnly : library.open;
  const result = open(pool, place.image, out, place.snapshot ?? null);
  if (isErrno(result, 'ENOENT')) throw missing(pool, place);
  checked(result, `open image ${rbdSpec(place)}${mode === 'write' ? ' for writing' : ''}`);
  const handle = out.readBigUInt64LE();
  try {
    const snapshot = place.snapshot === undefined ? undefined : listSnapshots(handle).find(({ name }) => name === place.snapshot);
    const [sizeBytes, parentBytes] = [numberFrom(library.size, handle), numberFrom(library.overlap, handle)];
    return { handle, sizeBytes, id: idOf(handle), snapshotId: snapshot?.id, parentBytes };
  } catch (error) {
    library.close(handle);
    throw error;
  }
}

function idOf(image: Handle): string {
  const id = Buffer.alloc(256);
  return librbd().id(image, id, id.length) < 0 ? '' : id.toString('utf8', 0, id.indexOf(0));
}

/** Runs `body` with an image open. */
export function withImage<T>(
  pool: Handle,
  { place, mode }: { place: RbdPlace; mode: 'read' | 'write' },
  body: (image: OpenImage) => T,
): T {
  const image = openImage(pool, place, mode);
  try {
    return body(image);
  } finally {
    librbd().close(image.handle);
  }
}

/** The error for a missing image or snapshot: says which of them is missing. */
function missing(pool: Handle, place: RbdPlace): BackyError {
  const { snapshot, ...image } = place;
  const out = Buffer.alloc(8);
  if (snapshot !== undefined && librbd().openReadOnly(pool, image.image, out, null) >= 0) {
    librbd().close(out.readBigUInt64LE());
    return new BackyError('io', `There is no snapshot "${snapshot}" of image ${rbdSpec({ ...image, snapshot: undefined })}.`, {
      hint: `List its snapshots with: rbd snap ls ${rbdSpec({ ...image, snapshot: undefined })}`,
    });
  }
  return new BackyError('io', `There is no image ${rbdSpec({ ...image, snapshot: undefined })}.`, {
    hint: `List images with: rbd ls ${poolSpec(place)}`,
  });
}

/** Whether there is such an image. */
export function imageExists(pool: Handle, place: RbdPlace): boolean {
  const out = Buffer.alloc(8);
  const result = librbd().openReadOnly(pool, place.image, out, null);
  if (isErrno(result, 'ENOENT')) return false;
  checked(result, `open image ${rbdSpec(place)}`);
  librbd().close(out.readBigUInt64LE());
  return true;
}

/** Creates an image. @param features bits; undefined: the cluster's default. */
export function createImage(pool: Handle, place: RbdPlace, { sizeBytes, features }: NewImage): void {
  const library = librbd();
  const out = Buffer.alloc(8);
  library.createOptions(out);
  const options = out.readBigUInt64LE();
  try {
    if (features !== undefined) library.setOption(options, OPTION_FEATURES, BigInt(features));
    const result = library.create(pool, place.image, sizeBytes, options);
    if (isErrno(result, 'ENOENT') && place.namespace !== '') {
      throw new BackyError('io', `There is no namespace "${place.namespace}" in pool "${place.pool}".`, {
        hint: `Make it first: rbd namespace create ${poolSpec(place)}`,
      });
    }
    if (!isErrno(result, 'EINVAL')) checked(result, `create image ${rbdSpec(place)}`);
    else {
      throw new BackyError('io', `Cannot create image ${rbdSpec(place)} with the features of new_image_features.`, {
        hint: 'Fast-diff needs object-map, which needs exclusive-lock, as journaling does. Without the option the features are those of rbd create.',
        cause: cephError('create', result),
      });
    }
  } finally {
    library.destroyOptions(options);
  }
}

/** Properties of a new image. */
export interface NewImage {
  sizeBytes: number;
  features: number | undefined;
}

/** An image's snapshots, oldest first. */
export function listSnapshots(image: Handle): Snapshot[] {
  const library = librbd();
  const { list, result: count } = readList((into, room) => library.snapshots(image, into, room), 'list snapshots');
  const found = Array.from({ length: count }, (_, n) => ({
    id: Number(list.readBigUInt64LE(n * ENTRY)),
    sizeBytes: Number(list.readBigUInt64LE(n * ENTRY + 8)),
    name: library.text(list.readBigUInt64LE(n * ENTRY + 16)),
  }));
  if (count > 0) library.endSnapshots(list);
  return found.sort((a, b) => a.id - b.id);
}

/** Time of a snapshot by the cluster's clock, in milliseconds. */
export function snapshotTimeMs(image: Handle, id: number): number {
  const out = Buffer.alloc(16);
  checked(librbd().snapshotTime(image, BigInt(id), out), 'read the time of a snapshot');
  return Number(out.readBigInt64LE(0)) * 1000 + Number(out.readBigInt64LE(8)) / 1e6;
}

/** Addresses of the clients that have an image open for writing. */
export function watchersOf(image: Handle): string[] {
  const library = librbd();
  const { list, filled: count } = readList((into, room) => library.watchers(image, into, room), 'list the clients of an image');
  const found = Array.from({ length: count }, (_, n) => library.text(list.readBigUInt64LE(n * ENTRY)));
  if (count > 0) library.endWatchers(list, count);
  return found;
}

/** The names of a pool's images. */
export function listImages(pool: Handle): string[] {
  const names = { entryBytes: 1, entries: 64 * 1024 };
  const { list, result } = readList((into, room) => librbd().list(pool, into, room), 'list images', names);
  return list.toString('utf8', 0, result).split('\0').filter(Boolean).sort();
}

/** Both kinds of lists have entries of three words. */
const ENTRY = 24;

/** A list that a call has filled, its result, and the entries in use. */
interface FilledList {
  list: Buffer;
  result: number;
  filled: number;
}

/**
 * Calls with more room until it is enough, since others may add to the list. @returns also what the
 * call left in `room`.
 */
function readList(
  call: (into: Uint8Array, room: Uint8Array) => number,
  what: string,
  { entryBytes = ENTRY, entries = 256 } = {},
): FilledList {
  for (let room = entries; ; ) {
    const list = Buffer.alloc(room * entryBytes);
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(BigInt(room));
    const result = call(list, size);
    const filled = Number(size.readBigUInt64LE());
    if (!isErrno(result, 'ERANGE')) return { list, result: checked(result, what), filled };
    room = Math.max(room * 2, filled);
  }
}

/** Whether an image is striped: neighbouring bytes are then spread over several objects. */
export function isStriped(image: Handle): boolean {
  return numberFrom(librbd().stripeCount, image) > 1;
}

function numberFrom(call: (image: Handle, out: Uint8Array) => number, image: Handle): number {
  const out = Buffer.alloc(8);
  checked(call(image, out), 'read the layout of an image');
  return Number(out.readBigUInt64LE());
}
