import type { RowIds } from '../../meta/block-store.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { Context } from '../context.ts';

type Stored = Pick<Context, 'meta' | 'logger'>;

/** How the rows of a version fit it. */
export interface RowFit extends RowIds {
  /** Blocks may be those of other versions, though each row looks right. */
  isAltered: boolean;
}

/** Checks that a version has one row for each of its blocks and no others. Logs what is wrong. */
export async function isComplete(context: Stored, version: TaggedVersion): Promise<boolean> {
  const { fitting, stray, isAltered } = await findStrayRows(context, version);
  if (fitting === version.size && stray === 0 && !isAltered) return true;
  context.logger.error('Version is incomplete.');
  return false;
}

/**
 * Counts a version's rows by id. Logs rows whose id fits none of its blocks, for example after a
 * bit flip, and rows that are not those that the version was finished with.
 */
export async function findStrayRows({ meta, logger }: Stored, version: Pick<TaggedVersion, 'uid' | 'size'>): Promise<RowFit> {
  const ids = await meta.checkIds(version.uid, version.size);
  if (ids.stray > 0) {
    const examples = ids.examples.map((id) => JSON.stringify(id).slice(1, -1)).join(', ');
    logger.error(
      `Version ${version.uid} has ${ids.stray} block rows with a wrong id (${examples}${ids.stray > ids.examples.length ? ', …' : ''}). ` +
        `Its blocks are numbered from 0 to ${version.size - 1}.`,
    );
  }
  const damage = await meta.checkVersion(version.uid);
  for (const { detail } of damage) logger.error(`Version ${version.uid} is damaged in the database: ${detail}.`);
  return { ...ids, isAltered: damage.length > 0 };
}
