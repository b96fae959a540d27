import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tool } from '../program/process.ts';

/**
 * A file system to make: ext2, ext4 and xfs on a loop device; fuse, an ext4 that a process serves
 * (fuse2fs); tmpfs; ramfs, which refuses direct I/O.
 */
export interface MountSpec {
  fs: 'ext2' | 'ext4' | 'xfs' | 'fuse' | 'tmpfs' | 'ramfs';
  /** The image is sparse. xfs needs 300 MiB; ramfs ignores it. */
  sizeBytes: number;
  /** Sectors of the loop device. [512] */
  sectorBytes?: 512 | 4096;
  /** More words for mke2fs or mkfs.xfs. */
  mkfsWords?: readonly string[];
}

/** A mounted file system. */
export interface Mounted {
  /** Where it is mounted. */
  folder: string;
  /** Unmounts and deletes it. */
  remove(): Promise<void>;
}

/** Of the tmpfs below an image, for its own use. */
const SPARE_BYTES = 2 ** 24;

/** Mounts a new file system on a new folder. Needs root, and memory for what is written there. */
export async function mountNew(spec: MountSpec): Promise<Mounted> {
  const home = mkdtempSync(join(tmpdir(), 'backy2-mount-'));
  const [folder, below] = [join(home, 'mounted'), join(home, 'below')];
  const mounts: string[] = [];
  const remove = async () => {
    for (const mounted of mounts.splice(0).reverse()) await unmount(mounted);
    rmSync(home, { recursive: true, force: true });
  };
  try {
    for (const path of [folder, below]) mkdirSync(path);
    if (!isInMemory(spec)) {
      // Each fsync would wait for the disk of this machine, which others use too.
      await mountTmpfs(below, String(spec.sizeBytes + SPARE_BYTES));
      mounts.push(below);
    }
    await mount(spec, join(below, 'image'), folder);
    mounts.push(folder);
  } catch (error) {
    await remove();
    throw error;
  }
  return { folder, remove };
}

/** Mounts a new file system on a new folder while `body` runs. */
export async function withMount(spec: MountSpec, body: (folder: string) => Promise<void>): Promise<void> {
  const { folder, remove } = await mountNew(spec);
  try {
    await body(folder);
  } finally {
    await remove();
  }
}

/** Mounts a tmpfs of `size` (as mount takes it) on a new folder while `body` runs. */
export async function withTmpfs(folder: string, size: string, body: () => Promise<void>): Promise<void> {
  mkdirSync(folder, { recursive: true });
  await mountTmpfs(folder, size);
  try {
    await body();
  } finally {
    await unmount(folder);
  }
}

/** Changes the options of a mounted tmpfs, e.g. its size. */
export async function remount(folder: string, options: string): Promise<void> {
  await tool('mount', '-o', `remount,${options}`, folder);
}

async function mount(spec: MountSpec, image: string, folder: string): Promise<void> {
  if (spec.fs === 'tmpfs') return mountTmpfs(folder, String(spec.sizeBytes));
  if (spec.fs === 'ramfs') {
    await tool('mount', '-t', 'ramfs', 'ramfs', folder);
    return;
  }
  await tool('truncate', '-s', String(spec.sizeBytes), image);
  if (spec.fs === 'fuse') {
    await tool(...mkfs(spec), image);
    await tool('fuse2fs', image, folder);
    return;
  }
  const device = (await tool('losetup', '-f', '--show', '--sector-size', String(spec.sectorBytes ?? 512), image)).trim();
  try {
    await tool(...mkfs(spec), device);
    // Memory of deleted files goes back.
    await tool('mount', '-o', 'discard', device, folder);
  } finally {
    // A device that is mounted is detached once it is unmounted.
    await tool('losetup', '-d', device);
  }
}

function isInMemory({ fs }: MountSpec): boolean {
  return fs === 'tmpfs' || fs === 'ramfs';
}

function mkfs({ fs, mkfsWords = [] }: MountSpec): string[] {
  if (fs === 'xfs') return ['mkfs.xfs', '-q', ...mkfsWords];
  // Without blocks for root alone.
  return ['mke2fs', '-q', '-m', '0', '-t', fs === 'fuse' ? 'ext4' : fs, ...mkfsWords];
}

async function mountTmpfs(folder: string, size: string): Promise<void> {
  await tool('mount', '-t', 'tmpfs', '-o', `size=${size},mode=0755`, 'tmpfs', folder);
}

/** Takes the name away at once; what is still open goes later. */
async function unmount(folder: string): Promise<void> {
  await tool('umount', '-l', folder);
}
