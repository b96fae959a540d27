import { once } from 'node:events';
import { closeSync, createReadStream, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { stringify } from 'csv-stringify/sync';
import { within } from '../../engine/pool/within.ts';
import { BackyError, messageOf } from '../../errors.ts';
import type { DatedBlockRow } from '../../model/block.ts';
import type { Version } from '../../model/version.ts';
import { syncPath } from '../../native/sync-path.ts';
import type { Context } from '../context.ts';
import { refuseOwnFile } from '../files/installation-files.ts';
import { identifyStore } from '../store/check-store.ts';
import { openStorage } from '../store/storage.ts';
import { findStrayRows } from '../versions/check-rows.ts';
import { findVersion } from '../versions/find-version.ts';
import { holding, lockForOperation, lockVersion } from '../versions/locks.ts';
import { ImportProbe } from './import-probe.ts';
import { bad, blockFields, excerpt, NEWEST_FORMAT, NOT_AN_EXPORT, TransferReader, versionFields } from './transfer-format.ts';

const PAGE_ROWS = 10_000;
/** How long a file may take to close. */
const CLOSING_MS = 500;

/** What an export or import did. */
export interface TransferResult {
  uid: string;
  name: string;
  snapshotName: string;
  /** Blocks. */
  size: number;
  sizeBytes: number;
  /** The version's state: what an import of an invalid version makes is invalid, too. */
  valid: boolean;
  seconds: number;
}

/** Exports a version's metadata, a piece of text at a time (formats.md §5). */
export async function* exportText(context: Context, uid: string): AsyncIterableIterator<string> {
  const { meta, locks } = context;
  await findVersion(meta, uid);
  const lock = await lockVersion(locks, uid, 'shared');
  try {
    const version = await findVersion(meta, uid);
    await refuseStrayRows(context, version);
    yield csv([[NEWEST_FORMAT], versionFields(version)]);
    for (let after = -1; ; ) {
      const page = await meta.datedBlockPage(uid, after, PAGE_ROWS);
      const last = page.at(-1);
      if (last === undefined) break;
      yield csv(page.map((row) => blockFields(uid, row)));
      after = last.id;
    }
    // Else the version may have been on its way out, and its last rows missing.
    await locks.confirm();
  } finally {
    await lock.release();
  }
}

/** What is exported without them, or with them, can't be imported: better to know it now. */
async function refuseStrayRows(context: Context, version: Version): Promise<void> {
  if ((await findStrayRows(context, version)).stray === 0) return;
  throw new BackyError('refused', `Version ${version.uid} was not exported: its rows are damaged.`, {
    hint: `See what is left of it: backy2 scrub ${version.uid}`,
  });
}

/** Exports a version to a file: under a temporary name first, so that a file with the right name is always whole. */
export async function exportToFile(context: Context, uid: string, fileName: string): Promise<TransferResult> {
  const start = performance.now();
  const version = await findVersion(context.meta, uid);
  await refuseOwnFile(fileName, context);
  const temporary = `${fileName}.${process.pid}.part`;
  let fd: number | undefined;
  try {
    fd = openSync(temporary, 'wx', 0o666);
    for await (const text of exportText(context, uid)) writeFileSync(fd, text);
    fsyncSync(fd);
    closeSync(fd);
    fd = undefined;
    renameSync(temporary, fileName);
    syncPath(dirname(fileName));
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    rmSync(temporary, { force: true });
    if (error instanceof BackyError) throw error;
    throw new BackyError('io', `Cannot export to ${fileName}: ${messageOf(error)}`, {
      hint: 'Check that the folder exists, that you may write there, and its file system.',
      cause: error,
    });
  }
  return resultOf(version, start);
}

function resultOf({ uid, name, snapshotName, size, sizeBytes, valid }: Version, start: number): TransferResult {
  return { uid, name, snapshotName, size, sizeBytes, valid, seconds: (performance.now() - start) / 1000 };
}

/** Imports what an export wrote, all of it or nothing. `fileName` `-` reads `stdin`. */
export async function importFrom(context: Context, fileName: string, stdin: Readable): Promise<TransferResult> {
  const start = performance.now();
  const importing = holding([() => lockForOperation(context.locks)], async () => {
    if (fileName === '-') return importText(context, readLines(stdin, fileName, context.signal));
    const file = createReadStream(fileName);
    try {
      return await importText(context, readLines(file, fileName, context.signal));
    } finally {
      if (!(await within(CLOSING_MS, closed(file)))) context.onStuckThreads();
    }
  });
  const version = await importing.catch((error: unknown) => {
    throw withFileName(error, fileName === '-' ? 'stdin' : fileName);
  });
  return resultOf(version, start);
}

async function importText(context: Context, lines: AsyncIterableIterator<Line>): Promise<Version> {
  const { reader, version } = await readHead(lines);
  await refuseExisting(context, version);
  return holding([() => lockVersion(context.locks, version.uid, 'exclusive')], async () => {
    const { doomed, blocks, blocksMissing } = await probeAndImport(context, version, readBlocks(lines, reader, version));
    if (blocksMissing > 0) {
      context.logger.warning(
        `The data backend lacks the blobs of ${blocksMissing} of ${blocks} blocks of version ${version.uid}: it was imported as invalid, and these blocks too.`,
      );
    }
    if (doomed > 0) {
      context.logger.warning(
        `A cleanup is deleting ${doomed} blobs of version ${version.uid}: it was imported as invalid. Scrub it to see what is left.`,
      );
    }
    return findVersion(context.meta, version.uid);
  });
}

async function probeAndImport(context: Context, version: Version, rows: AsyncIterable<DatedBlockRow>) {
  const backend = openStorage(context);
  try {
    await identifyStore(context, backend, { keepsId: false });
    const probe = new ImportProbe(backend, context.signal);
    const doomed = await context.meta.importVersion(version, probe.rows(rows), () => probe.blocksMissing === 0);
    return { doomed, blocks: probe.blocks, blocksMissing: probe.blocksMissing };
  } finally {
    await backend.close();
  }
}

/** Closes a file that may not have been read to its end. A pipe stays open as long as a read of it waits for a writer. */
async function closed(file: Readable): Promise<void> {
  if (file.closed) return;
  file.destroy();
  await once(file, 'close');
}

/** Whoever finds a line wrong does not know which file it is of. */
function withFileName(error: unknown, fileName: string): unknown {
  if (!(error instanceof BackyError) || error.code !== 'badImport') return error;
  return new BackyError('badImport', error.message, { hint: `${error.hint ?? ''} It was read from ${fileName}.`, cause: error });
}

async function refuseExisting({ meta }: Context, { uid }: Version): Promise<void> {
  if ((await meta.findVersion(uid)) === undefined) return;
  throw new BackyError('versionExists', `Version ${uid} already exists and cannot be imported.`, {
    hint: `Remove it first with: backy2 rm ${uid}`,
  });
}

interface Line {
  fields: string[];
  number: number;
}

async function readHead(lines: AsyncIterableIterator<Line>): Promise<{ reader: TransferReader; version: Version }> {
  const first = await lines.next();
  const reader = new TransferReader(first.done === true ? '' : first.value.fields.join(','));
  const second = await lines.next();
  if (second.done === true) throw bad(2, 'the file ends before the version');
  const version = reader.version(second.value.fields, second.value.number);
  return { reader, version };
}

/** The block lines, checked one against the other: ids 0 to size - 1, each once, in order, lengths that add up. */
async function* readBlocks(
  lines: AsyncIterableIterator<Line>,
  reader: TransferReader,
  version: Version,
): AsyncIterable<DatedBlockRow> {
  let expected = 0;
  let sizeBytes = 0;
  let blockSize = 0;
  let lastLine = 2;
  for await (const { fields, number } of lines) {
    const row = reader.block(fields, version.uid, number);
    if (row.id !== expected) throw bad(number, `block ${row.id} stands where block ${expected} is due`);
    if (row.id > 0 && row.id < version.size - 1 && row.size !== blockSize)
      throw bad(number, `the block has ${row.size} bytes, those before ${blockSize}`);
    if (row.id === 0) blockSize = row.size;
    if (row.size > blockSize) throw bad(number, `the last block has ${row.size} bytes, those before ${blockSize}`);
    expected++;
    sizeBytes += row.size;
    lastLine = number;
    yield row;
  }
  if (expected !== version.size) throw bad(lastLine, `it is the last line, after ${expected} blocks of ${version.size}`);
  if (sizeBytes !== version.sizeBytes)
    throw bad(lastLine, `the blocks have ${sizeBytes} bytes together, the version has ${version.sizeBytes}`);
}

async function* readLines(input: Readable, fileName: string, signal: AbortSignal): AsyncIterableIterator<Line> {
  // An empty line comes from "export -" of the original, which prints one after the last.
  const parser = input.pipe(
    parse({ relax_column_count: true, skip_empty_lines: true, info: true, max_record_size: 1024 * 1024 }),
  );
  input.on('error', (error) => parser.destroy(error));
  const stop = () => parser.destroy(signal.reason);
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
      yield { fields: record, number: info.lines };
    }
  } catch (error) {
    if (error instanceof BackyError) throw error;
    if (error instanceof CsvError)
      throw new BackyError('badImport', `Wrong import format: ${excerpt(messageOf(error))}`, {
        hint: NOT_AN_EXPORT,
        cause: error,
      });
    throw new BackyError('io', `Cannot read ${fileName}: ${messageOf(error)}`, {
      hint: 'Check the path and its permissions.',
      cause: error,
    });
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function csv(rows: (string | number | null)[][]): string {
  return stringify(rows, { record_delimiter: 'windows' });
}
