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
 * @param {Buffer[]} blocks
 */
export function blobWriter({ folder, direct }, blocks) {
  const { O_WRONLY, O_CREAT, O_EXCL, O_DIRECT } = constants;
  const flags = O_WRONLY | O_CREAT | O_EXCL | (direct ? O_DIRECT : 0);
  const temporary = join(folder, '.tmp');
  mkdirSync(temporary, { recursive: true });
  /** @type {Set<string>} */
  const touched = new Set();
  let lastSync = performance.now();
  return {
    /** @param {number} index */
    step(index) {
      const uid = randomBytes(16).toString('hex');
      const path = join(temporary, uid);
      const fd = openSync(path, flags, 0o600);
      writeBlock(fd, blocks, index, 0);
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
 * Writes blocks to a file or device, and fsyncs it. `step` takes the number of a block, and writes
 * it or the one of `blocks` that is its turn.
 * @param {{ path: string, direct: boolean, blockSize: number }} task
 * @param {Buffer[]} blocks
 */
export function targetWriter({ path, direct, blockSize }, blocks) {
  const fd = openSync(path, constants.O_RDWR | (direct ? constants.O_DIRECT : 0));
  let written = 0;
  return {
    /** @param {number} index @param {Buffer} [block] */
    step(index, block) {
      writeBlock(fd, block === undefined ? blocks : [block], index, index * blockSize);
      if (++written % TARGET_SYNC_BLOCKS === 0 && !direct) fsyncSync(fd);
    },
    end() {
      fsyncSync(fd);
      closeSync(fd);
    },
  };
}

/** @param {number} fd @param {Buffer[]} blocks @param {number} index @param {number} position */
function writeBlock(fd, blocks, index, position) {
  const block = blocks[index % blocks.length] ?? Buffer.alloc(0);
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
