import type { RowIds } from '../../meta/block-store.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { Context } from '../context.ts';

type Stored = Pick<Context, 'meta' | 'logger'>;

/** Whether a version has exactly the rows of its blocks; logs what is wrong. */
export async function hasItsRows(context: Stored, version: TaggedVersion): Promise<boolean> {
  const ids = await findStrayRows(context, version);
  if (ids.fitting === version.size && ids.stray === 0) return true;
  context.logger.error('Version is incomplete.');
  return false;
}

/**
 * Looks at the ids of a version's rows. Logs rows that are for none of its blocks: a bit of the id
 * has flipped, say.
 */
export async function findStrayRows({ meta, logger }: Stored, version: Pick<TaggedVersion, 'uid' | 'size'>): Promise<RowIds> {
  const ids = await meta.checkIds(version.uid, version.size);
  if (ids.stray > 0) {
    const examples = ids.examples.map((id) => JSON.stringify(id).slice(1, -1)).join(', ');
    logger.error(
      `Version ${version.uid} has ${ids.stray} block rows with a wrong id (${examples}${ids.stray > ids.examples.length ? ', …' : ''}). ` +
        `Its blocks are numbered from 0 to ${version.size - 1}.`,
    );
  }
  return ids;
}
