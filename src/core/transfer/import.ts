import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { within } from '../../engine/pool/within.ts';
import { BackyError } from '../../errors.ts';
import type { ImportOutcome } from '../../meta/transfer-store.ts';
import type { DatedBlockRow } from '../../model/block.ts';
import type { Version } from '../../model/version.ts';
import type { Context } from '../context.ts';
import { identifyStore } from '../store/check-store.ts';
import { withStorage } from '../store/storage.ts';
import { findVersion } from '../versions/find-version.ts';
import { holding, lockForOperation, lockImports, lockVersion } from '../versions/locks.ts';
import { type CsvLine, readCsvLines } from './csv-lines.ts';
import { ImportProbe } from './import-probe.ts';
import { readBlocks, readHead } from './import-rows.ts';
import { type TransferResult, transferResult } from './transfer-result.ts';

/** How long a file may take to close. */
const CLOSE_TIMEOUT_MS = 500;

/** How many blobs of an imported version can't be used. */
interface ImportCounts extends ImportOutcome {
  /** Blocks that have a blob. */
  blocks: number;
  /** Blocks whose blob is missing. */
  blocksMissing: number;
}

/** Imports an export completely or not at all. `fileName` `-` reads `stdin`. */
export async function importFrom(context: Context, fileName: string, stdin: Readable): Promise<TransferResult> {
  const start = performance.now();
  const importing = holding([() => lockForOperation(context.locks), () => lockImports(context.locks, 'shared')], () =>
    fileName === '-' ? importLines(context, readCsvLines(stdin, fileName, context.signal)) : importFile(context, fileName),
  );
  const version = await importing.catch((error: unknown) => {
    throw withFileName(error, fileName === '-' ? 'stdin' : fileName);
  });
  return transferResult(version, start);
}

async function importFile(context: Context, fileName: string): Promise<Version> {
  const file = createReadStream(fileName);
  try {
    return await importLines(context, readCsvLines(file, fileName, context.signal));
  } finally {
    if (!(await within(CLOSE_TIMEOUT_MS, close(file)))) context.onStuckThreads();
  }
}

/** Closes a file before its end. A pipe stays open as long as a read of it waits for a writer. */
async function close(file: Readable): Promise<void> {
  if (file.closed) return;
  file.destroy();
  await once(file, 'close');
}

/** Adds the file to an error that names only the line. */
function withFileName(error: unknown, fileName: string): unknown {
  if (!(error instanceof BackyError) || error.code !== 'badImport') return error;
  return new BackyError('badImport', error.message, { hint: `${error.hint ?? ''} It was read from ${fileName}.`, cause: error });
}

async function importLines(context: Context, lines: AsyncIterableIterator<CsvLine>): Promise<Version> {
  const { logger, meta, locks } = context;
  const head = await readHead(lines);
  const { uid } = head.version;
  await refuseExisting(context, uid);
  return holding([() => lockVersion(locks, uid, 'exclusive')], async () => {
    const { doomed, mayLack, blocks, blocksMissing } = await importRows(context, head.version, readBlocks(lines, head));
    if (blocksMissing > 0) {
      logger.warning(
        `The data backend lacks the blobs of ${blocksMissing} of ${blocks} blocks of version ${uid}: it was imported as invalid, and these blocks too.`,
      );
    }
    if (doomed > 0) {
      logger.warning(
        `A cleanup is deleting ${doomed} blobs of version ${uid}: it was imported as invalid. Scrub it to list its bad blocks.`,
      );
    }
    if (mayLack) {
      logger.warning(
        `A cleanup has deleted blobs during the import of version ${uid}, and these may be among them: it was imported as invalid. Scrub it to find out.`,
      );
    }
    return findVersion(meta, uid);
  });
}

async function refuseExisting({ meta }: Context, uid: string): Promise<void> {
  if ((await meta.findVersion(uid)) === undefined) return;
  throw new BackyError('versionExists', `Version ${uid} already exists and cannot be imported.`, {
    hint: `Remove it first with: backy2 rm ${uid}`,
  });
}

function importRows(context: Context, version: Version, rows: AsyncIterable<DatedBlockRow>): Promise<ImportCounts> {
  return withStorage(context, async (backend) => {
    await identifyStore(context, backend, { keepsId: false });
    const probe = new ImportProbe(backend, context.signal);
    const outcome = await context.meta.importVersion(version, probe.rows(rows), { isWhole: () => probe.blocksMissing === 0 });
    return { ...outcome, blocks: probe.blocks, blocksMissing: probe.blocksMissing };
  });
}
