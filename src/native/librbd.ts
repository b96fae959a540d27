import { loadCephLibrary } from './ceph-library.ts';
import type { Handle } from './librados.ts';
import { once } from './once.ts';

/** A call in a thread of libuv's pool. Its buffers MUST stay alive until `done`. */
type ZeroArguments = [image: Handle, offset: number, length: number, zeroFlags: number, flags: number];
type Async<A extends unknown[]> = { async(...args: [...A, done: (error: unknown, result: number) => void]): void };

/**
 * Called for a range of bytes that differs. A result below 0 ends the call with it. MUST NOT throw.
 */
type OnDifference = (offset: number, length: number, exists: number, argument: unknown) => number;

/**
 * The calls of librbd that sources and targets need. Results below 0 are errno numbers; offsets and
 * lengths are bytes. Every call MAY wait for the cluster, even forever: a thread with other work
 * may make asynchronous ones alone.
 */
interface Librbd {
  /**
   * Writes the image's handle into the 8 bytes of `out`. Other clients see the image as in use.
   * `snapshot` null: the image itself.
   */
  open(pool: Handle, image: string, out: Uint8Array, snapshot: string | null): number;
  /** As `open`, but other clients do not see it, and it does not notice a resize. */
  openReadOnly(pool: Handle, image: string, out: Uint8Array, snapshot: string | null): number;
  close(image: Handle): number;
  size(image: Handle, out: Uint8Array): number;
  /** Bytes of its parent that a clone can show; 0 for other images. */
  overlap(image: Handle, out: Uint8Array): number;
  /** Above 1 for images that are cut in stripes. */
  stripeCount(image: Handle, out: Uint8Array): number;
  /**
   * A text, ended by a 0, that no other image of the pool has or had; -EINVAL for images of format
   * 1.
   */
  id(image: Handle, into: Uint8Array, room: number): number;
  /**
   * Names, each ended by a 0, into `room[0]` bytes; -ERANGE, and the room needed, if that is too
   * little.
   */
  list(pool: Handle, into: Uint8Array, room: Uint8Array): number;
  createOptions(out: Uint8Array): void;
  setOption(options: Handle, option: number, value: bigint): number;
  destroyOptions(options: Handle): void;
  create(pool: Handle, image: string, sizeBytes: number, options: Handle): number;
  /**
   * At most `room[0]` entries of 24 bytes (id, size, address of the name); -ERANGE as `list`.
   * @returns their number.
   */
  snapshots(image: Handle, into: Uint8Array, room: Uint8Array): number;
  /** Frees the names. */
  endSnapshots(list: Uint8Array): void;
  /** Seconds and nanoseconds, 8 bytes each. */
  snapshotTime(image: Handle, id: bigint, out: Uint8Array): number;
  createSnapshot(image: Handle, snapshot: string): number;
  removeSnapshot(image: Handle, snapshot: string): number;
  /** As `snapshots`, with entries of 24 bytes (address of the address, id, cookie). */
  watchers(image: Handle, into: Uint8Array, room: Uint8Array): number;
  endWatchers(list: Uint8Array, count: number): void;
  /**
   * All differences from a snapshot (null: from an empty image). Calls `onDifference` in the
   * calling thread.
   */
  diff(
    image: Handle,
    fromSnapshot: string | null,
    offset: number,
    length: number,
    includeParent: number,
    wholeObject: number,
    onDifference: OnDifference,
    argument: null,
  ): number;
  /** The result is the number of bytes: fewer at the end of the image. */
  read: Async<[image: Handle, offset: number, length: number, into: Uint8Array, flags: number]>;
  write: Async<[image: Handle, offset: number, length: number, from: Uint8Array, flags: number]>;
  /** Discards where it can, and zeroes the rest. Undefined in releases before Octopus. */
  writeZeros: (Async<ZeroArguments> & ((...args: ZeroArguments) => number)) | undefined;
  flush: Async<[image: Handle]>;
  /** The text at an address of a list. */
  text(address: bigint): string;
}

/** The cluster need not keep these bytes in its caches. */
export const FADVISE_DONTNEED = 0x20;
/** The option of `setOption` for the features of a new image. */
export const OPTION_FEATURES = 1;

/** Loads the library on first use. */
export const librbd = once(load);

function load(): Librbd {
  const { koffi, func } = loadCephLibrary('librbd.so.1', 'librbd1');
  koffi.proto('int RbdDiffCallback(uint64_t offset, size_t length, int exists, void *argument)');
  return {
    open: func('int rbd_open(uint64_t pool, const char *image, void *out, const char *snapshot)'),
    openReadOnly: func('int rbd_open_read_only(uint64_t pool, const char *image, void *out, const char *snapshot)'),
    close: func('int rbd_close(uint64_t image)'),
    size: func('int rbd_get_size(uint64_t image, void *out)'),
    overlap: func('int rbd_get_overlap(uint64_t image, void *out)'),
    stripeCount: func('int rbd_get_stripe_count(uint64_t image, void *out)'),
    id: func('int rbd_get_id(uint64_t image, void *into, size_t room)'),
    list: func('int rbd_list(uint64_t pool, void *into, void *room)'),
    createOptions: func('void rbd_image_options_create(void *out)'),
    setOption: func('int rbd_image_options_set_uint64(uint64_t options, int option, uint64_t value)'),
    destroyOptions: func('void rbd_image_options_destroy(uint64_t options)'),
    create: func('int rbd_create4(uint64_t pool, const char *image, uint64_t size, uint64_t options)'),
    snapshots: func('int rbd_snap_list(uint64_t image, void *into, void *room)'),
    endSnapshots: func('void rbd_snap_list_end(void *list)'),
    snapshotTime: func('int rbd_snap_get_timestamp(uint64_t image, uint64_t id, void *out)'),
    createSnapshot: func('int rbd_snap_create(uint64_t image, const char *snapshot)'),
    removeSnapshot: func('int rbd_snap_remove(uint64_t image, const char *snapshot)'),
    watchers: func('int rbd_watchers_list(uint64_t image, void *into, void *room)'),
    endWatchers: func('void rbd_watchers_list_cleanup(void *list, size_t count)'),
    diff: func(
      'int rbd_diff_iterate2(uint64_t image, const char *from, uint64_t offset, uint64_t length, uint8_t parent, uint8_t whole, RbdDiffCallback *callback, void *argument)',
    ),
    read: func('int64_t rbd_read2(uint64_t image, uint64_t offset, size_t length, void *into, int flags)'),
    write: func('int64_t rbd_write2(uint64_t image, uint64_t offset, size_t length, void *from, int flags)'),
    writeZeros: ifThere(() =>
      func('int64_t rbd_write_zeroes(uint64_t image, uint64_t offset, size_t length, int zero_flags, int flags)'),
    ),
    flush: func('int rbd_flush(uint64_t image)'),
    text: (address) => koffi.decode(address, 'char', -1) as string,
  };
}

/** Undefined for a function that older releases lack. */
function ifThere<T>(declare: () => T): T | undefined {
  try {
    return declare();
  } catch {
    return undefined;
  }
}
