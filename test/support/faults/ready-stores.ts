import { afterAll } from 'vitest';
import type { Layout } from '../../../src/model/layout.ts';
import { changedRanges } from '../images/hints.ts';
import { noise } from '../images/random.ts';
import { sha256 } from '../images/sha256.ts';
import type { Sections } from '../labs/config-text.ts';
import { Lab } from '../labs/lab.ts';
import { removeBlocks } from '../labs/remove-blocks.ts';
import { ROTATION } from '../runner/rotation.ts';

export const BLOCK = 4096;

/**
 * Whether threads move the blocks. In every other round of the sweep's 24 shards the program moves
 * them itself, as it does with a few blocks unless the configuration says how many threads.
 */
export const IN_THREADS = ROTATION === 'all' || Math.floor(ROTATION / 24) % 2 === 0;

/**
 * A store prepared for an operation. The oracle has the content of each valid version, by uid, or
 * by name for versions still to come.
 */
export interface Ready {
  lab: Lab;
  oracle: Map<string, string>;
}

export const oldImage = Buffer.concat([noise(12 * BLOCK, 'old'), Buffer.alloc(2 * BLOCK), noise(3 * BLOCK + 77, 'old end')]);
const newImage = Buffer.concat([
  ...[oldImage.subarray(0, 5 * BLOCK), noise(4 * BLOCK, 'new'), oldImage.subarray(0, BLOCK)],
  ...[Buffer.alloc(2 * BLOCK), oldImage.subarray(12 * BLOCK), noise(2 * BLOCK, 'growth')],
]);

interface Basic extends Ready {
  /** Uid of the version `first`. */
  first: string;
}

/** One per layout and config: copies cost no call of the program. */
const templates = new Map<string, Promise<Basic>>();
afterAll(async () => {
  for (const { lab } of await Promise.all(templates.values())) lab.remove();
  templates.clear();
});

/** Two versions, `first` and `other`, which share blocks; and a source for a third. */
export async function basic(layout: Layout, config: Sections = {}): Promise<Basic> {
  const key = JSON.stringify([layout, config]);
  const template = templates.get(key) ?? makeBasic(layout, config);
  templates.set(key, template);
  const { lab, oracle, first } = await template;
  // Some operations damage blobs.
  return { lab: await lab.clone('copied'), oracle: new Map(oracle), first };
}

async function makeBasic(layout: Layout, config: Sections): Promise<Basic> {
  const lab = await Lab.create({ blockSize: BLOCK, layout, ...(IN_THREADS ? { workers: 1 } : {}), config });
  const other = Buffer.concat([oldImage.subarray(0, 4 * BLOCK), noise(2 * BLOCK, 'other')]);
  const first = await lab.backup(`file://${lab.write('old', oldImage)}`, 'first');
  const otherUid = await lab.backup(`file://${lab.write('otherimage', other)}`, 'other');
  lab.write('source', newImage);
  lab.write('source.hints', JSON.stringify(changedRanges(oldImage, newImage)));
  const oracle = new Map([
    [first, sha256(oldImage)],
    [otherUid, sha256(other)],
    ['new', sha256(newImage)],
    ['first', sha256(oldImage)],
  ]);
  return { lab, oracle, first };
}

/** A backup that stopped half way: it is invalid and lacks the rows of its second half. */
export async function halfDone(layout: Layout): Promise<Ready> {
  const ready = await basic(layout);
  const uid = await ready.lab.backup(`file://${ready.lab.path('source')}`, 'new');
  await removeBlocks(ready.lab, uid, 8);
  ready.lab.sql('UPDATE versions SET valid = 0 WHERE uid = ?', uid);
  ready.lab.sql('DELETE FROM stats WHERE version_uid = ?', uid);
  return ready;
}

export async function removed(layout: Layout): Promise<Ready> {
  const ready = await basic(layout);
  await ready.lab.ok('export', ready.first, ready.lab.path('export.csv'));
  await ready.lab.ok('rm', ready.first);
  ready.lab.write('removed', ready.first);
  return ready;
}

/** Two versions of `first`, the older of which has expired. */
export async function expired(layout: Layout): Promise<Ready> {
  const ready = await basic(layout);
  const uid = await ready.lab.backup(`file://${ready.lab.path('old')}`, 'first');
  ready.oracle.set(uid, sha256(oldImage));
  await ready.lab.ok('expire', ready.first, '2020-01-02');
  return ready;
}
