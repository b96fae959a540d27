import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { blobPath } from '../../src/data/file/blob-paths.ts';
import { countCachedPages } from '../support/images/page-cache.ts';
import { noise } from '../support/images/random.ts';
import { encrypted } from '../support/labs/encryption.ts';
import { describeOnFileSystems, type OnFileSystem } from '../support/labs/file-systems.ts';
import { Lab } from '../support/labs/lab.ts';

const MIB = 2 ** 20;
/** The last block ends within a sector. */
const END = noise(2049, 'end');

await describeOnFileSystems((on) => {
  test.each([
    ['encrypted blobs', MIB, encrypted()],
    ['plain blobs', 4096, {}],
  ] as const)('a store of %s, blocks of %i bytes, takes a backup, restores it, and is scrubbed', async (_, blockSize, config) => {
    // Blocks that can't be compressed, that can, and that are zero.
    const parts = [noise(4 * blockSize, 'noise'), Buffer.alloc(2 * blockSize, 'text'), Buffer.alloc(blockSize), END];
    await storeAndReadBack(on, { blockSize, config }, Buffer.concat(parts));
  });

  // Once: it takes seconds.
  if (on.fs === 'xfs' && on.sectorBytes === 4096) {
    test('a store takes the largest blocks too', async () => {
      await storeAndReadBack(on, { blockSize: 64 * MIB, config: encrypted() }, Buffer.concat([noise(64 * MIB, 'large'), END]));
    });
  }
});

/** Backup, restore, scrub; blobs, database and target are on the mounted file system. */
async function storeAndReadBack(
  on: OnFileSystem,
  { blockSize, config }: { blockSize: number; config: object },
  image: Buffer,
): Promise<void> {
  const isDirect = on.fs !== 'ramfs' && on.fs !== 'tmpfs';
  const at = (name: string) => join(on.folder(), `${blockSize}-${name}`);
  const DataBackend = { direct_io: isDirect ? 'on' : 'auto' };
  const lab = await Lab.create({
    ...{ blockSize, dataPath: at('data'), databasePath: at('backy.sqlite') },
    config: { ...config, DataBackend },
  });
  try {
    const uid = await lab.backup(`file://${lab.write('image', image)}`, 'vm');
    await lab.ok('restore', uid, `file://${at('target')}`);
    expect(readFileSync(at('target')).equals(image)).toBe(true);

    if (isDirect) expect(await keepsPages(lab, uid), 'a scrub leaves pages in the cache').toBe(true);
    else await lab.ok('scrub', uid);
  } finally {
    lab.remove();
  }
}

/** Pages also go when memory is short, but not each time. */
const TRIES = 5;

/**
 * Whether a scrub leaves pages of blobs in the page cache: a read through the cache drops them all.
 */
async function keepsPages(lab: Lab, uid: string): Promise<boolean> {
  const blobs = lab.blobs().map((blob) => blobPath(lab.dataPath, blob));
  for (let run = 0; run < TRIES; run++) {
    for (const blob of blobs) readFileSync(blob);
    await lab.ok('scrub', uid);
    if (blobs.some((blob) => countCachedPages(blob) > 0)) return true;
  }
  return false;
}
