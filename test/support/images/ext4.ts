import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from '../labs/lab.ts';
import { tool } from '../program/process.ts';
import { noise } from './random.ts';

/** The content of {@link makeExt4}'s file system, by path. */
export const FILES: Record<string, Buffer> = {
  'etc/hosts': Buffer.from('127.0.0.1 localhost\n'),
  'var/large': noise(3_000_000, 'large'),
};

/** Makes an ext4 image with some files in it. @returns its path. */
export async function makeExt4(lab: Lab, name: string, size: string): Promise<string> {
  const folder = lab.path(`${name}-files`);
  for (const [path, bytes] of Object.entries(FILES)) {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
  const image = lab.path(name);
  await tool('mke2fs', '-q', '-t', 'ext4', '-d', folder, image, size);
  return image;
}
