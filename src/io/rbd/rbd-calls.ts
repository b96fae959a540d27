import type { Handle } from '../../native/librados.ts';
import { FADVISE_DONTNEED, librbd } from '../../native/librbd.ts';
import type { RbdOptions } from '../options.ts';
import { checked } from './ceph-errors.ts';
import { Cluster } from './cluster.ts';
import { type Difference, diffSnapshots, listDifferences, type SnapshotDiff } from './diff-call.ts';
import {
  createImage,
  imageExists,
  isStriped,
  listImages,
  listSnapshots,
  type NewImage,
  type OpenImage,
  openImage,
  type Snapshot,
  watchersOf,
  withImage,
} from './image-calls.ts';
import { type RbdPlace, rbdSpec } from './rbd-url.ts';

/**
 * Calls of the main thread to the thread that talks to the cluster (rbd-worker.ts), one after the
 * other. Arguments and results are plain data. Each call MAY wait for the cluster.
 */
export class RbdCalls {
  #cluster: Cluster | undefined;
  /** Open images. An image whose opening was abandoned is closed here alone. */
  readonly #open = new Set<Handle>();

  /** MUST be called first, once. */
  connect(options: RbdOptions): void {
    this.#cluster = new Cluster(options);
  }

  /** The last call. Closes all images: one left open for writing can't be removed for 30 s. */
  shutdown(): void {
    for (const handle of this.#open) librbd().close(handle);
    this.#cluster?.close();
  }

  open(place: RbdPlace, mode: 'read' | 'write'): OpenImage {
    const image = openImage(this.#pool(place), place, mode);
    this.#open.add(image.handle);
    return image;
  }

  close(handle: Handle): void {
    this.#open.delete(handle);
    checked(librbd().close(handle), 'close an image');
  }

  /** Makes a range zero and frees its objects. False where librbd can't. */
  zero(handle: Handle, offset: number, length: number): boolean {
    const { writeZeros } = librbd();
    if (writeZeros === undefined) return false;
    checked(writeZeros(handle, offset, length, 0, FADVISE_DONTNEED), 'write zeros to an image');
    return true;
  }

  exists(place: RbdPlace): boolean {
    return imageExists(this.#pool(place), place);
  }

  create(place: RbdPlace, image: NewImage): void {
    createImage(this.#pool(place), place, image);
  }

  /** Names of images, sorted. */
  images(place: Pick<RbdPlace, 'pool' | 'namespace'>): string[] {
    return listImages(this.#pool(place));
  }

  /** Oldest first. */
  snapshots(place: RbdPlace): Snapshot[] {
    return withImage(this.#pool(place), { place, mode: 'read' }, ({ handle }) => listSnapshots(handle));
  }

  /** Addresses of the clients that have the image open for writing. */
  watchers(place: RbdPlace): string[] {
    return withImage(this.#pool(place), { place, mode: 'read' }, ({ handle }) => watchersOf(handle));
  }

  createSnapshot(place: RbdPlace, snapshot: string): void {
    withImage(this.#pool(place), { place, mode: 'write' }, ({ handle }) =>
      checked(librbd().createSnapshot(handle, snapshot), `create snapshot ${rbdSpec({ ...place, snapshot })}`),
    );
  }

  removeSnapshot(place: RbdPlace, snapshot: string): void {
    withImage(this.#pool(place), { place, mode: 'write' }, ({ handle }) =>
      checked(librbd().removeSnapshot(handle, snapshot), `remove snapshot ${rbdSpec({ ...place, snapshot })}`),
    );
  }

  /** @param stop shared; set to 1 it ends the call. */
  diff(place: RbdPlace, from: string, stop: SharedArrayBuffer): SnapshotDiff {
    return diffSnapshots(this.#pool(place), { place, from, stop: new Int32Array(stop) });
  }

  /**
   * The ranges in use of a snapshot: all else is zero, or its parent's. Undefined if unknown.
   * @param stop shared; set to 1 it ends the call.
   */
  inUse(place: RbdPlace, stop: SharedArrayBuffer): Difference[] | undefined {
    // For striped images, releases before 16.2.8 list other bytes than those in use.
    return withImage(this.#pool(place), { place, mode: 'read' }, (image) =>
      isStriped(image.handle) ? undefined : listDifferences(image, { place, from: undefined, stop: new Int32Array(stop) }),
    );
  }

  #pool(place: Pick<RbdPlace, 'pool' | 'namespace'>): Handle {
    if (this.#cluster === undefined) throw new Error('not connected');
    return this.#cluster.pool(place);
  }
}
