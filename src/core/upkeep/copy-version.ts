import { setImmediate as nextTurn } from 'node:timers/promises';
import { BackyError } from '../../errors.ts';
import type { MetaStore } from '../../meta/meta-store.ts';
import type { DatedBlockRow } from '../../model/block.ts';
import type { Version } from '../../model/version.ts';
import { firstDifference } from './equal-rows.ts';
import { RowDigest } from './row-digest.ts';

/** Rows in memory at a time. */
const PAGE_ROWS = 5_000;

/** Counts rows that are done. A throw ends the work. */
export interface RowCounter {
  rows: number;
  add(rows: number): void;
}

/**
 * Copies a version to another store, and compares all rows there. @returns whether the other store
 * had the version with the same rows already.
 */
export async function copyVersion(source: MetaStore, target: MetaStore, version: Version, counter: RowCounter): Promise<boolean> {
  const { uid } = version;
  const before = counter.rows;
  if ((await target.findVersion(uid)) !== undefined) {
    if ((await firstDifference([source, target], uid, (rows) => counter.add(rows))) === undefined) return true;
    // It was changed since: a block was marked or mended.
    counter.rows = before;
    await target.removeVersion(uid, () => {});
  }
  const read = new RowDigest();
  await target.importVersion(version, rowsOf(source, uid, { counter, read }), { isTrusted: true });
  if ((await digestOf(target, uid, counter)) === read.digest()) return false;
  const differs = await firstDifference([source, target], uid, () => counter.add(0));
  if (differs === undefined) return false;
  throw new BackyError('failed', `Block ${differs} of version ${uid} is not the same in the new database. Nothing was changed.`, {
    data: { uid, block: differs },
    hint: 'Please report this. See what is wrong with it: backy2 check-metadata',
  });
}

/** A stop ends it after each page: all rows of a large version would take minutes. */
async function* rowsOf(
  source: MetaStore,
  uid: string,
  { counter, read }: { counter: RowCounter; read: RowDigest },
): AsyncIterableIterator<DatedBlockRow> {
  for (let after = -1; ; ) {
    await nextTurn();
    counter.add(0);
    const page = await source.datedBlockPage(uid, after, PAGE_ROWS);
    read.add(page);
    yield* page;
    if (page.length < PAGE_ROWS) return;
    after = page.at(-1)?.id ?? after;
  }
}

/** Reads what the other store has now. */
async function digestOf(target: MetaStore, uid: string, counter: RowCounter): Promise<string> {
  const digest = new RowDigest();
  for (let after = -1; ; ) {
    await nextTurn();
    const page = await target.blockPage(uid, after, PAGE_ROWS);
    digest.add(page);
    counter.add(page.length);
    if (page.length < PAGE_ROWS) return digest.digest();
    after = page.at(-1)?.id ?? after;
  }
}
