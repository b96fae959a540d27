import { getSystemErrorMap } from 'node:util';
import { type CallThread, settled } from './async-call.ts';
import { folderMode, isShared } from './create-file.ts';
import type { DirectIoMode } from './direct-io-switch.ts';
import { libc } from './libc.ts';
import { openOwnLibrary, ownLibraryPath } from './own-library.ts';

/** A file to write, and how. */
interface FilePut {
  /** Its name while it is written; it MUST NOT exist. A failure may leave it. */
  temporary: string;
  /** Its name in the end. Its folder and the one above that are made if they are missing. */
  path: string;
  bytes: Uint8Array;
  /** Of the file; its folders follow. */
  fileMode: number;
  /** Fsync it before it gets its name. */
  isDurable: boolean;
  /** For memory that is aligned and has a page or more. With `on`, a refusal stores nothing. */
  direct: DirectIoMode;
}

/** A file to read from its start. */
interface FileGet {
  path: string;
  /** Gets as many bytes as it takes. More of it than the file has may be overwritten. */
  into: Uint8Array;
  /** As with {@link FilePut}. `on` is like `auto`: the bytes are read. */
  direct: DirectIoMode;
  where: CallThread;
}

/** The outcome of a call that may use direct I/O. */
interface Transferred {
  /** Bytes of the file. */
  size: number;
  /** The file system takes no direct I/O: with `on`, a put has stored nothing. */
  wasRefused: boolean;
}

/** The outcome of a read. */
interface Got extends Transferred {
  /** Its thread had to wait for the bytes: they were not all in memory. */
  hasWaited: boolean;
}

/** Why a file can't be read although the file system works. */
type Oddity = 'it is no regular file' | 'it became shorter while it was read';

/**
 * Moves whole files, each in one call on a thread of libuv's pool, unless it says otherwise.
 * Rejects with the system's errors, which have a `code`. Memory MUST NOT change until a call
 * settles.
 */
export interface WholeFiles {
  put(file: FilePut): Promise<Transferred>;
  /** Resolves with a text where the file is not what it should be. */
  get(file: FileGet): Promise<Got | Oddity>;
  /** Makes the entries of folders durable, in their order; ends with the first failure. */
  syncFolders(paths: readonly string[]): Promise<void>;
  /** Lists files in subfolders: see {@link BlobFiles.list}. */
  list(path: string, prefix: string): Promise<string[]>;
}

const DIRECT_FLAGS = { off: 0, auto: 1, on: 1 | 2 };
const DURABLE = 4;
const EXACT_MODE = 8;

const ODDITIES = new Map<number, Oddity>([
  [-10001, 'it is no regular file'],
  [-10002, 'it became shorter while it was read'],
]);

/** Opens the library that the build made of `whole-files.c`. Undefined if there is none. */
export function openWholeFiles(path = ownLibraryPath('whole-files')): WholeFiles | undefined {
  const library = openOwnLibrary(path);
  if (library === undefined) return undefined;
  const put = library.func(
    'int64_t backy2_put_file(const char *temporary, const char *path, const void *bytes, uint64_t length, uint32_t mode, uint32_t folder_mode, uint32_t flags, void *refused)',
  );
  const get = library.func(
    'int64_t backy2_get_file(const char *path, void *into, uint64_t capacity, uint32_t flags, void *refused, void *waited)',
  );
  const list = library.func('int64_t backy2_list_files(const char *path, const char *prefix, void *into, uint64_t capacity)');
  const sync = library.func('int64_t backy2_sync_folders(const char **paths, uint32_t count)');

  let namesBytes = FIRST_NAMES_BYTES;
  return {
    async put({ temporary, path, bytes, fileMode, isDurable, direct }) {
      const flags = DIRECT_FLAGS[direct] | (isDurable ? DURABLE : 0) | (isShared(fileMode) ? EXACT_MODE : 0);
      const refused = new Uint32Array(1);
      const result = await settled(bytes, (done) =>
        put.async(temporary, path, bytes, bytes.length, fileMode, folderMode(fileMode), flags, refused, done),
      );
      const wasRefused = refused[0] !== 0;
      if (result < 0 && !(wasRefused && direct === 'on')) throw systemError(result);
      return { size: bytes.length, wasRefused };
    },

    async get({ path, into, direct, where }) {
      const [refused, waited] = [new Uint32Array(1), new Uint32Array(1)];
      const words = [path, into, into.length, DIRECT_FLAGS[direct], refused, waited];
      const result = where === 'here' ? (get(...words) as number) : await settled(into, (done) => get.async(...words, done));
      const oddity = ODDITIES.get(result);
      if (oddity !== undefined) return oddity;
      if (result < 0) throw systemError(result);
      return { size: result, wasRefused: refused[0] !== 0, hasWaited: waited[0] !== 0 };
    },

    async syncFolders(paths) {
      const result = await settled(NOTHING, (done) => sync.async(paths, paths.length, done));
      if (result < 0) throw systemError(result);
    },

    async list(path, prefix) {
      for (;;) {
        const names = Buffer.allocUnsafeSlow(namesBytes);
        const length = await settled(names, (done) => list.async(path, prefix, names, names.length, done));
        if (length < 0) throw systemError(length, path);
        if (length <= names.length) return textsOf(names.subarray(0, length));
        // More files may come meanwhile. The next folder is about as large.
        namesBytes = Math.max(namesBytes, Math.ceil(length * 1.25));
      }
    },
  };
}

const NOTHING = new Uint8Array(0);

/** For a list of files at first: some 1700 blobs. */
const FIRST_NAMES_BYTES = 65_536;

/**
 * Texts that a zero byte ends. Each has memory of its own: parts of one large text would keep all
 * of it.
 */
function textsOf(bytes: Buffer): string[] {
  const texts: string[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(0, start);
    texts.push(bytes.toString('latin1', start, end));
    start = end + 1;
  }
  return texts;
}

/** An error as Node makes it; Node knows fewer names. @param result a negative errno. */
function systemError(result: number, path?: string): NodeJS.ErrnoException {
  const [code, text] = getSystemErrorMap().get(result) ?? [libc().errnoName(-result), `errno ${-result}`];
  const where = path === undefined ? '' : `, in '${path}'`;
  return Object.assign(new Error(`${code}: ${text}${where}`), { code, errno: result });
}
