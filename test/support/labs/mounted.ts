import { mkdirSync } from 'node:fs';
import { tool } from '../program/process.ts';

/** Mounts a tmpfs of `size` (as mount takes it) on a new folder while `body` runs. */
export async function withTmpfs(folder: string, size: string, body: () => Promise<void>): Promise<void> {
  mkdirSync(folder, { recursive: true });
  await tool('mount', '-t', 'tmpfs', '-o', `size=${size},mode=0755`, 'tmpfs', folder);
  try {
    await body();
  } finally {
    await tool('umount', '-l', folder);
  }
}

/** Changes the options of a mounted tmpfs, e.g. its size. */
export async function remount(folder: string, options: string): Promise<void> {
  await tool('mount', '-o', `remount,${options}`, folder);
}
