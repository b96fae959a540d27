import { noise, seededRandom } from '../images/random.ts';

/** Bytes. */
export const BLOCK = 4096;

/**
 * Config of labs: slow, so that operations last long enough to overlap while little data moves.
 */
export const SLOW = { DataBackend: { bandwidth_write: 300 * BLOCK, bandwidth_read: 300 * BLOCK } };

/**
 * Contents that all images draw from. So blocks that one removal releases are soon needed by
 * another version.
 */
const POOL = Array.from({ length: 80 }, (_, n) => noise(BLOCK, `model ${n}`));
/**
 * With so few images, most blocks of a backup occur in exactly one other version, which may be
 * removed meanwhile.
 */
const IMAGES = 10;
const LEAST_BLOCKS = 30;
const MOST_BLOCKS = 150;

/** One of a few images with shared, own and zero blocks; most end with a shorter block. */
export function imageOf(number: number): Buffer {
  const seed = number % IMAGES;
  const random = seededRandom(seed);
  const blocks = LEAST_BLOCKS + Math.floor(random() * (MOST_BLOCKS - LEAST_BLOCKS));
  const parts = Array.from({ length: blocks }, (_, n) => blockOf(random, `${seed} ${n}`));
  return Buffer.concat([...parts, noise(Math.floor(random() * BLOCK), `${seed} end`)]);
}

/** The image's next state: some ranges rewritten, sometimes another length. */
export function nextImageOf(image: Buffer, seed: number): Buffer {
  const random = seededRandom(seed);
  const next = resized(image, random, seed);
  const stretches = 1 + Math.floor(random() * 6);
  for (let stretch = 0; stretch < stretches; stretch++) {
    const at = Math.floor(random() * next.length);
    const blocks = Array.from({ length: 1 + Math.floor(random() * 8) }, (_, n) => blockOf(random, `${seed} ${stretch} ${n}`));
    Buffer.concat(blocks).copy(next, random() < 0.5 ? at : at - (at % BLOCK));
  }
  return next;
}

function resized(image: Buffer, random: () => number, seed: number): Buffer {
  const how = random();
  if (how < 0.15) return Buffer.concat([image, noise(1 + Math.floor(random() * 5 * BLOCK), `${seed} growth`)]);
  if (how < 0.25) return Buffer.from(image.subarray(0, Math.max(BLOCK, image.length - Math.floor(random() * 5 * BLOCK))));
  return Buffer.from(image);
}

function blockOf(random: () => number, name: string): Buffer {
  const kind = random();
  if (kind < 0.1) return Buffer.alloc(BLOCK);
  if (kind < 0.3) return noise(BLOCK, name);
  return POOL[Math.floor(random() * POOL.length)] ?? Buffer.alloc(BLOCK);
}
