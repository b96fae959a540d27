import { setImmediate as nextTurn } from 'node:timers/promises';
import { stringify } from 'csv-stringify/sync';
import { BackyError } from '../../errors.ts';
import type { Version } from '../../model/version.ts';
import type { Context } from '../context.ts';
import { writeOutput } from '../files/write-output.ts';
import { findStrayRows } from '../versions/check-rows.ts';
import { findVersion } from '../versions/find-version.ts';
import { lockFoundVersion } from '../versions/with-version.ts';
import { blockFields, NEWEST_FORMAT, versionFields } from './transfer-format.ts';
import { type TransferResult, transferResult } from './transfer-result.ts';

const PAGE_ROWS = 10_000;

/**
 * Exports a version's metadata as text, in pieces (docs/spec/formats.md §5). Holds a shared lock of
 * the version.
 */
export async function* exportText(context: Context, uid: string): AsyncIterableIterator<string> {
  const { version, lock } = await lockFoundVersion(context, uid, 'shared');
  try {
    yield* textOf(context, version);
  } finally {
    await lock.release();
  }
}

async function* textOf(context: Context, version: Version): AsyncIterableIterator<string> {
  const { meta, locks, signal } = context;
  const { uid } = version;
  await refuseStrayRows(context, version);
  yield csv([[NEWEST_FORMAT], versionFields(version)]);
  for (let after = -1; ; ) {
    // SQLite answers without a wait. Signal handlers get a turn here.
    await nextTurn();
    signal.throwIfAborted();
    const page = await meta.datedBlockPage(uid, after, PAGE_ROWS);
    const last = page.at(-1);
    if (last === undefined) break;
    yield csv(page.map((row) => blockFields(uid, row)));
    after = last.id;
  }
  // Without its lock, the version may have been removed meanwhile and its last rows may be missing.
  await locks.confirm();
}

/** An export of damaged rows could not be imported. The user should learn that now. */
async function refuseStrayRows(context: Context, version: Version): Promise<void> {
  const { stray, isAltered } = await findStrayRows(context, version);
  if (stray === 0 && !isAltered) return;
  throw new BackyError('refused', `Version ${version.uid} was not exported: its rows are damaged.`, {
    hint: `To list its good and bad blocks: backy2 scrub ${version.uid}`,
  });
}

/**
 * Exports a version to a file, which appears once it is complete, or into a pipe or device. An
 * export holds wrapped keys: only those whom `file_mode` names may read a new file.
 */
export async function exportToFile(context: Context, uid: string, fileName: string): Promise<TransferResult> {
  const start = performance.now();
  const version = await findVersion(context.meta, uid);
  await writeOutput(context, { fileName, verb: 'export to', text: exportText(context, uid) });
  return transferResult(version, start);
}

function csv(rows: (string | number | null)[][]): string {
  return stringify(rows, { record_delimiter: 'windows' });
}
