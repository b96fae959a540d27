import { mkdirSync } from 'node:fs';
import { mixedImage } from '../support/images/images.ts';
import { Lab, type LabOptions } from '../support/labs/lab.ts';

export const BLOCK_BYTES = 65536;

/** The image in each lab: full, zero and half-zero blocks. */
export const IMAGE = mixedImage(BLOCK_BYTES, 100, 'image');

/** A lab with a version of the image and a folder to mount on. */
export interface FuseLab {
  lab: Lab;
  uid: string;
  mnt: string;
}

export async function createFuseLab(options: LabOptions): Promise<FuseLab> {
  const lab = await Lab.create({ blockSize: BLOCK_BYTES, ...options });
  lab.configure({ DEFAULTS: { cachedir: lab.path('home') } });
  const mnt = lab.path('mnt');
  mkdirSync(mnt);
  const source = `file://${lab.write('image', IMAGE)}`;
  const uid = await lab.backup('-s', 'snap', '-t', 'b,a', '-e', '2031-01-02 03:04:05', source, 'vm');
  return { lab, uid, mnt };
}
