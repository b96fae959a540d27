import { randomBytes } from 'node:crypto';
import { closeSync, constants, fsyncSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Interval of folder fsyncs, the same as in the program's group commits. */
const FOLDER_SYNC_MS = 2_000;
/**
 * Through the page cache, a thread fsyncs the target after this many blocks. With a single fsync at
 * the end the disk would idle until then.
 */
const TARGET_SYNC_BLOCKS = 32;

/**
 * Writes blobs as the file backend does: temporary file, fsync, rename into the two-level layout;
 * fsync of folders every two seconds, and at the end.
 * @param {{ folder: string, direct: boolean }} task
 */
export function blobWriter({ folder, direct }) {
  const { O_WRONLY, O_CREAT, O_EXCL, O_DIRECT } = constants;
  const flags = O_WRONLY | O_CREAT | O_EXCL | (direct ? O_DIRECT : 0);
  const temporary = join(folder, '.tmp');
  mkdirSync(temporary, { recursive: true });
  /** @type {Set<string>} */
  const touched = new Set();
  let lastSync = performance.now();
  return {
    /** @param {number} _index @param {Buffer} block */
    write(_index, block) {
      const uid = randomBytes(16).toString('hex');
      const path = join(temporary, uid);
      const fd = openSync(path, flags, 0o600);
      writeBlock(fd, block, 0);
      fsyncSync(fd);
      closeSync(fd);
      const target = join(folder, uid.slice(0, 2), uid.slice(2, 4));
      moveInto(path, target, `${uid}.blob`);
      for (const entry of [target, dirname(target), folder]) touched.add(entry);
      if (performance.now() - lastSync < FOLDER_SYNC_MS) return;
      syncFolders(touched);
      lastSync = performance.now();
    },
    end: () => syncFolders(touched),
  };
}

/**
 * Writes blocks to a file or device, and fsyncs it.
 * @param {{ path: string, direct: boolean, blockSize: number }} task
 */
export function targetWriter({ path, direct, blockSize }) {
  const fd = openSync(path, constants.O_RDWR | (direct ? constants.O_DIRECT : 0));
  let written = 0;
  return {
    /** @param {number} index @param {Buffer} block */
    write(index, block) {
      writeBlock(fd, block, index * blockSize);
      if (++written % TARGET_SYNC_BLOCKS === 0 && !direct) fsyncSync(fd);
    },
    end() {
      fsyncSync(fd);
      closeSync(fd);
    },
  };
}

/** @param {number} fd @param {Buffer} block @param {number} position */
function writeBlock(fd, block, position) {
  if (writeSync(fd, block, 0, block.length, position) !== block.length) throw new Error('short write');
}

/** @param {string} path @param {string} folder @param {string} name */
function moveInto(path, folder, name) {
  try {
    renameSync(path, join(folder, name));
  } catch {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    renameSync(path, join(folder, name));
  }
}

/** @param {Set<string>} folders cleared. */
function syncFolders(folders) {
  for (const folder of folders) {
    const fd = openSync(folder, 'r');
    fsyncSync(fd);
    closeSync(fd);
  }
  folders.clear();
}
