import { spawnSync } from 'node:child_process';
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const CHUNK = Buffer.alloc(4 * 1024 ** 2, 1);

/**
 * Runs `body` with a block device of that size: a loop device over a file on the disk, which it
 * accesses without the page cache. The file is written once before, so that all writers overwrite.
 * @template T
 * @param {import('./workspace.mjs').Workspace} workspace
 * @param {number} bytes
 * @param {(device: string) => Promise<T>} body
 * @returns {Promise<T | undefined>} undefined, with a word on stderr, where there is no loop
 * device.
 */
export async function withLoopDevice(workspace, bytes, body) {
  const file = join(workspace.disk, 'loop');
  writeAll(file, bytes);
  const { stdout, stderr, status } = losetup('--find', '--show', '--direct-io=on', file);
  if (status !== 0) {
    rmSync(file);
    process.stderr.write(`restore: loop device not measured: ${stderr?.trim() || 'losetup is missing'}\n`);
    return undefined;
  }
  const detach = () => void losetup('--detach', stdout.trim());
  workspace.undo.add(detach);
  try {
    return await body(stdout.trim());
  } finally {
    workspace.undo.delete(detach);
    detach();
    rmSync(file);
  }
}

/** @param {string[]} words */
function losetup(...words) {
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  return spawnSync('losetup', words, { encoding: 'utf8', env });
}

/** @param {string} path @param {number} bytes */
function writeAll(path, bytes) {
  const fd = openSync(path, 'w');
  for (let done = 0; done < bytes; done += CHUNK.length) writeSync(fd, CHUNK);
  fsyncSync(fd);
  closeSync(fd);
}
